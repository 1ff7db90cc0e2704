import { keepPreviousData, useQueries, type UseQueryResult } from '@tanstack/react-query'
import { exploreInstant, exploreRange } from '@/api/query'
import type { Answer, QueryAnswer } from '@/api/types'
import { epochMs, ms, type Milliseconds } from '@/lib/brand'
import { alignRange, chooseStep } from '@/lib/step'
import { encodeTimePoint, resolveRange } from '@/lib/time'
import { liveKey } from '@/state/live'
import { useTimeState } from '@/state/timeSearch'
import type { ExploreState } from './exploreSearch'

export interface RowAnswer extends Answer<QueryAnswer> {
  readonly expr: string
  readonly from: number
  readonly to: number
  readonly stepMs: Milliseconds
}

/** About one point per two pixels; finer is not seen and costs the server. */
function graphPoints(): number {
  return Math.min(Math.max(Math.round((window.innerWidth - 260) / 2), 200), 900)
}

export function autoStep(from: number, to: number): Milliseconds {
  return chooseStep(ms(to - from), graphPoints())
}

/** Asks every visible row, over the range for a graph and at its end for a table. */
export function useResults(state: ExploreState): UseQueryResult<RowAnswer>[] {
  const { range, zone } = useTimeState()
  const rangeKey = `${encodeTimePoint(range.from)}..${encodeTimePoint(range.to)}@${zone}`
  const instant = state.view === 'table'
  return useQueries({
    queries: state.exprs.map((expr, index) => ({
      queryKey: [liveKey, 'explore', expr, instant, state.stepText, rangeKey],
      enabled: expr.trim() !== '' && !state.hidden.has(index),
      structuralSharing: false as const,
      placeholderData: keepPreviousData,
      retry: false,
      queryFn: async ({ signal }: { signal: AbortSignal }): Promise<RowAnswer> => {
        const { from, to } = resolveRange(range, epochMs(Date.now()), zone)
        const stepMs = state.step !== null && state.step > 0 ? state.step : autoStep(from, to)
        if (instant) return { ...(await exploreInstant(expr, to, signal)), expr, from, to, stepMs }
        const { start, end } = alignRange(from, to, stepMs)
        const answer = await exploreRange({ expr, start, end: Math.max(start, end), stepMs }, signal)
        return { ...answer, expr, from, to, stepMs }
      },
    })),
  })
}
