import { useMemo } from 'react'
import type { Labels } from '@/api/types'
import { useRangeSpan } from '@/components/watch/useRangeSpan'
import { formatDuration } from '@/lib/duration'
import { labelsKey } from '@/lib/frame'
import { chooseStep } from '@/lib/step'
import type { Milliseconds } from '@/lib/brand'
import { stripCells, type Cell } from '@/lib/strip'
import { useLiveFrame } from '@/state/live'

/** More series than this are not drawn side by side: nobody looks at all of them. */
export const stripsMax = 2000

export interface Strips<State extends string> {
  readonly from: number
  readonly to: number
  readonly stepMs: Milliseconds
  /** By the labels of the series, without its name. */
  readonly cellsOf: (labels: Labels, holdMs: number) => readonly Cell<State>[]
}

interface StripsAsked<State extends string> {
  /** The query, given the window of a step; null asks for nothing. */
  readonly expr: ((window: string) => string) | null
  readonly stateOf: (value: number) => State
  readonly steps?: number
}

/** The courses of many things over the range, from one query for all of them. */
export function useStrips<State extends string>({
  expr,
  stateOf,
  steps = 60,
}: StripsAsked<State>): Strips<State> | null {
  const stepMs = chooseStep(useRangeSpan(), steps)
  const live = useLiveFrame(expr === null ? null : expr(formatDuration(stepMs)), stepMs)
  return useMemo(() => {
    if (live.data === undefined) return null
    const { frame, from, to } = live.data
    const rows = new Map(
      frame.series.map(({ labels, values }) => {
        const rest = Object.entries(labels).filter(([name]) => name !== '__name__')
        return [labelsKey(Object.fromEntries(rest)), values] as const
      }),
    )
    return {
      from,
      to,
      stepMs: live.data.stepMs,
      cellsOf: (labels, holdMs) => {
        const values = rows.get(labelsKey(labels))
        if (values === undefined) return []
        return stripCells(frame.times, values, { from, to, stepMs: live.data.stepMs, holdMs, stateOf })
      },
    }
  }, [live.data, stateOf])
}
