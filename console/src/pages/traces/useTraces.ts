import { keepPreviousData, useQuery, type UseQueryResult } from '@tanstack/react-query'
import { traceNumbers } from '@/api/traceNumbers'
import { searchTraces, traceServices, type FoundTrace } from '@/api/traces'
import type { Exchange } from '@/api/types'
import { epochMs } from '@/lib/brand'
import { encodeTimePoint, resolveRange } from '@/lib/time'
import { withStage } from '@/lib/traceql/tokens'
import { liveKey, useSlowBeat } from '@/state/live'
import { useTimeState } from '@/state/timeSearch'

/** Traces that one page adds, and those that the browser shows at most. */
export const pageTraces = 100
export const tracesMax = 2000
/** Spans of a trace that are given: for its line, and where spans are looked at themselves. */
const spansOfTrace = 3
const spansOfSpans = 20

export interface Traces {
  /** What was asked for, but for the moment. */
  readonly key: string
  readonly traces: readonly FoundTrace[]
  readonly limit: number
  readonly from: number
  readonly to: number
  readonly exchange: Exchange
}

interface Asked {
  /** null asks for nothing. */
  readonly query: string | null
  readonly show: 'traces' | 'spans'
  readonly limit: number
  /** Changes when the same is asked for again. */
  readonly turn: number
}

const facts = 'select(status, kind, resource.service.name)'

/** What is asked for instead of an empty text. */
export const asQuery = (text: string): string => (text.trim() === '' ? '{ }' : text.trim())

export const tracesKey = ({ query, show, limit, turn }: Asked, rangeKey: string): string =>
  JSON.stringify([query, show, limit, turn, rangeKey])

export function useRangeKey(): string {
  const { range, zone } = useTimeState()
  return `${encodeTimePoint(range.from)}..${encodeTimePoint(range.to)}@${zone}`
}

/** The latest traces of a query, again at each beat while the range ends now. */
export function useTraces({ query, show, limit, turn }: Asked): UseQueryResult<Traces> {
  const { range, zone } = useTimeState()
  const rangeKey = useRangeKey()
  const key = tracesKey({ query, show, limit, turn }, rangeKey)
  return useQuery<Traces>({
    queryKey: [liveKey, 'traces', 'search', key],
    enabled: query !== null,
    retry: false,
    placeholderData: keepPreviousData,
    queryFn: async ({ signal }) => {
      const { from, to } = resolveRange(range, epochMs(Date.now()), zone)
      const spans = show === 'spans' ? spansOfSpans : spansOfTrace
      const asked = { query: withStage(query ?? '', facts), limit, spans, from, to }
      const { data, exchange } = await searchTraces(asked, signal)
      return { key, traces: data, limit, from, to, exchange }
    },
  })
}

export interface SpanCounts {
  readonly spans: number
  readonly errors: number
}

/** How many spans of the whole range a query finds; null where it is not known. */
export function useSpanCounts(query: string | null): SpanCounts | null {
  const { range, zone } = useTimeState()
  const beat = useSlowBeat()
  const asked = useQuery({
    queryKey: ['traces', 'counts', query, useRangeKey()],
    enabled: query !== null,
    retry: false,
    staleTime: 10_000,
    queryFn: async ({ signal }): Promise<SpanCounts> => {
      const of = resolveRange(range, epochMs(Date.now()), zone)
      const counted = withStage(query ?? '', 'count_over_time() by (status)')
      const numbers = await traceNumbers(counted, of, signal)
      const sum = (wanted: (status: string | undefined) => boolean) =>
        numbers.reduce((total, { labels, value }) => total + (wanted(labels.status) ? value : 0), 0)
      return { spans: sum(() => true), errors: sum((status) => status === 'error') }
    },
    refetchInterval: ({ state }) => beat(state.data?.spans === 0),
  })
  return asked.data ?? null
}

/** While nothing was sent, look often: somebody is trying an example. */
const searchingMs = 2000
const settledMs = 300_000

/** Whether there are any traces at all; null until that is known. */
export function useAnyTraces(): boolean | null {
  const asked = useQuery({
    queryKey: ['traces', 'any'],
    // Also what is a little ahead of this clock.
    queryFn: async ({ signal }) =>
      (await traceServices({ from: 0, to: Date.now() + 86_400_000 }, signal)).length > 0,
    staleTime: settledMs,
    refetchInterval: ({ state }) => (state.data === false ? searchingMs : false),
  })
  return asked.data ?? null
}
