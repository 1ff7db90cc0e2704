import { keepPreviousData, useQuery, useQueryClient, type UseQueryResult } from '@tanstack/react-query'
import { useEffect, useMemo, useRef, useSyncExternalStore } from 'react'
import { queryMatrix, type RangeRequest } from '@/api/query'
import type { RangeSeries } from '@/api/types'
import { epochMs, type EpochMs, type Milliseconds } from '@/lib/brand'
import { appendFrame, frameOf, type Frame } from '@/lib/frame'
import { alignRange } from '@/lib/step'
import { encodeTimePoint, endsNow, relativeSpan, resolveRange } from '@/lib/time'
import { refreshPeriod, useTimeState } from './timeSearch'

let now = epochMs(Date.now())
const listeners = new Set<() => void>()

function advance(): void {
  now = epochMs(Date.now())
  for (const listener of listeners) listener()
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

/** The moment of the last refresh: all charts of a screen agree on it. */
export function useNow(): EpochMs {
  return useSyncExternalStore(subscribe, () => now)
}

/** Every query under this key is asked again at each beat. */
export const liveKey = 'live'

export function useRefreshNow(): () => void {
  const client = useQueryClient()
  return () => {
    advance()
    void client.invalidateQueries({ queryKey: [liveKey] }, { cancelRefetch: false })
  }
}

/**
 * The heartbeat of the console, mounted once. One timer for all charts, so that they advance in the same frame; it
 * rests while the tab is hidden, and a slow server is never asked again before it has answered.
 */
export function useHeartbeat(): void {
  const { range, refresh } = useTimeState()
  const period = refreshPeriod(refresh, range)
  const beat = useRefreshNow()
  const latest = useRef(beat)
  useEffect(() => {
    latest.current = beat
  })
  useEffect(() => {
    if (period === null) return undefined
    let timer: number | undefined
    const stop = () => window.clearInterval(timer)
    const start = () => {
      stop()
      if (!document.hidden) timer = window.setInterval(() => latest.current(), period)
    }
    const wake = () => {
      if (document.hidden) stop()
      else {
        latest.current()
        start()
      }
    }
    start()
    document.addEventListener('visibilitychange', wake)
    return () => {
      stop()
      document.removeEventListener('visibilitychange', wake)
    }
  }, [period])
}

export interface LiveFrame {
  readonly frame: Frame
  readonly from: EpochMs
  readonly to: EpochMs
  readonly stepMs: Milliseconds
}

/** Points near the present are asked for again this many steps back, because a rate there is not final yet. */
const overlapSteps = 3

/** Who answers range queries, in which language. */
export interface FrameSource {
  readonly name: string
  readonly ask: (request: RangeRequest, signal: AbortSignal) => Promise<readonly RangeSeries[]>
  /** Whether the step that the present falls into is asked for before it is over. */
  readonly unfinished: boolean
}

const metrics: FrameSource = { name: 'promql', ask: queryMatrix, unfinished: false }

/**
 * A range query that keeps up with the present: the whole window once, then only its newest end, joined to what is
 * known.
 */
export function useLiveFrame(
  expr: string | null,
  stepMs: Milliseconds,
  source: FrameSource = metrics,
): UseQueryResult<LiveFrame> {
  const { range, zone } = useTimeState()
  const rangeKey = `${encodeTimePoint(range.from)}..${encodeTimePoint(range.to)}@${zone}`
  const queryKey = useMemo(
    () => [liveKey, 'frame', source.name, expr, stepMs, rangeKey],
    [source, expr, stepMs, rangeKey],
  )
  return useQuery<LiveFrame>({
    queryKey,
    enabled: expr !== null,
    structuralSharing: false,
    placeholderData: keepPreviousData,
    queryFn: async ({ signal, client }) => {
      const { from, to } = resolveRange(range, epochMs(Date.now()), zone)
      const aligned = alignRange(from, to, stepMs)
      const start = aligned.start
      const end = source.unfinished ? Math.ceil(to / stepMs) * stepMs : aligned.end
      const known = client.getQueryData<LiveFrame>(queryKey)
      const newest = known?.frame.times.at(-1)
      const joins =
        known !== undefined && newest !== undefined && relativeSpan(range) !== null && newest > start
      const askFrom = joins ? Math.max(start, newest - overlapSteps * stepMs) : start
      const series = await source.ask(
        { expr: expr ?? '', start: askFrom, end: Math.max(end, askFrom), stepMs },
        signal,
      )
      const fresh = frameOf(series)
      const frame = joins ? appendFrame(known.frame, fresh, askFrom, start) : fresh
      return { frame, from, to, stepMs }
    },
  })
}

/** What there is changes slowly; but where there was nothing something may come at any moment. */
export const settledMs = 30_000
const emptyMs = 3000

/** How soon to ask again what there is, in a range that follows the present. */
export function useSlowBeat(): (empty: boolean) => number | false {
  const { range, refresh } = useTimeState()
  const follows = endsNow(range) && refresh !== 'off'
  return (empty) => (follows ? (empty ? emptyMs : settledMs) : false)
}
