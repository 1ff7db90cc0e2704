import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { createContext, useContext } from 'react'
import { eventPage, fetchEvents, type MarkedEvent, type ServerEvent } from '@/api/events'
import { countKinds, crowds } from '@/lib/eventCrowd'
import { resolveRange } from '@/lib/time'
import { liveKey, useNow } from './live'
import { stored } from './stored'
import { useTimeState } from './timeSearch'

/** Whether charts show events. */
export const showEvents = stored('chart-events', (raw) => raw !== false)

/** More marks than this would be a curtain; the newest are shown. */
const marksMax = 300

const none: readonly ServerEvent[] = []

const ChartEvents = createContext<readonly MarkedEvent[]>(none)

export const ChartEventsProvider = ChartEvents.Provider

/** What charts mark. */
export function useMarkedEvents(): readonly MarkedEvent[] {
  return useContext(ChartEvents)
}

interface RangeEvents {
  readonly events: readonly ServerEvent[]
  /** Kinds that come too often to be marked, and how often. */
  readonly leftOut: readonly (readonly [string, number])[]
}

const nothing: RangeEvents = { events: none, leftOut: [] }

/** What is marked of a range: the newest events but those of kinds that come so often that they would hide the rest. */
async function markable(from: number, to: number, signal: AbortSignal): Promise<RangeEvents> {
  const { data: newest } = await fetchEvents(from, to, marksMax, signal)
  const here = crowds(countKinds(newest))
  if (here.frequent.length === 0) return { events: newest, leftOut: [] }
  if (newest.length < marksMax) {
    const frequent = new Set(here.frequent.map(([kind]) => kind))
    return { events: newest.filter((event) => !frequent.has(event.kind)), leftOut: here.frequent }
  }
  const { data: counted } = await eventPage({ from, to, conditions: {}, limit: 1, buckets: 1 }, signal)
  const { frequent, rare } = crowds(counted.counts?.facets.kind ?? {})
  if (rare.length === 0) return { events: none, leftOut: frequent }
  const { data: events } = await fetchEvents(from, to, marksMax, signal, { kind: rare })
  return { events, leftOut: frequent }
}

/** The events of the range in view, asked for again at each beat. */
export function useRangeEvents(): RangeEvents {
  const on = showEvents.use()
  const { range, zone } = useTimeState()
  const now = useNow()
  const { from, to } = resolveRange(range, now, zone)
  const asked = useQuery({
    queryKey: [liveKey, 'chart-events', from, to],
    queryFn: ({ signal }) => markable(from, to, signal),
    placeholderData: keepPreviousData,
    enabled: on,
    // Marks are an extra: a server without events is no error of the chart.
    retry: false,
    gcTime: 10_000,
  })
  return on ? (asked.data ?? nothing) : nothing
}
