import { useQuery } from '@tanstack/react-query'
import { queryVector } from '@/api/query'
import { useTimeState } from '@/state/timeSearch'

const periodMs = 15_000

/** How many incidents nobody has acknowledged; 0 as long as that is not known. */
export function useOpenIncidents(): number {
  const { refresh } = useTimeState()
  const found = useQuery({
    queryKey: ['open-incidents'],
    retry: false,
    queryFn: ({ signal }) =>
      queryVector('sum(watchfire_incidents_open{status="triggered"})', undefined, signal),
    refetchInterval: refresh === 'off' ? false : periodMs,
  })
  return found.data?.[0]?.value ?? 0
}
