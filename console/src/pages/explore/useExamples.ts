import { useQuery } from '@tanstack/react-query'
import { useMemo } from 'react'
import { searchValues } from '@/api/catalog'
import { language } from '@/i18n'
import { quote } from '@/lib/matcher'
import { examplesFor, wantedMetrics, type Example } from './examples'

/** As many of the metrics that examples are made of as are looked at. */
const metricsMax = 1000

/** The questions that the metrics of this server can answer; asked once, from its index. */
export function useExamples(): readonly Example[] {
  const spoken = language.use()
  const known = useQuery({
    queryKey: ['example-metrics'],
    queryFn: ({ signal }) =>
      searchValues('__name__', '', `{__name__=~${quote(wantedMetrics)}}`, metricsMax, signal),
    staleTime: 60_000,
  })
  return useMemo(() => examplesFor(known.data ?? [], spoken), [known.data, spoken])
}
