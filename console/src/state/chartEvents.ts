import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { createContext, useContext } from 'react'
import { fetchEvents, type ServerEvent } from '@/api/events'
import { resolveRange } from '@/lib/time'
import { liveKey, useNow } from './live'
import { stored } from './stored'
import { useTimeState } from './timeSearch'

/** Whether charts show events. */
export const showEvents = stored('chart-events', (raw) => raw !== false)

/** More marks than this would be a curtain; the newest are shown. */
const marksMax = 300

const none: readonly ServerEvent[] = []

const ChartEvents = createContext<readonly ServerEvent[]>(none)

export const ChartEventsProvider = ChartEvents.Provider

/** What charts mark. */
export function useMarkedEvents(): readonly ServerEvent[] {
  return useContext(ChartEvents)
}

/** The events of the range in view, asked for again at each beat. */
export function useRangeEvents(): readonly ServerEvent[] {
  const on = showEvents.use()
  const { range, zone } = useTimeState()
  const now = useNow()
  const { from, to } = resolveRange(range, now, zone)
  const asked = useQuery({
    queryKey: [liveKey, 'chart-events', from, to],
    queryFn: ({ signal }) => fetchEvents(from, to, marksMax, signal),
    placeholderData: keepPreviousData,
    enabled: on,
    // Marks are an extra: a server without events is no error of the chart.
    retry: false,
    gcTime: 10_000,
  })
  return on ? (asked.data?.data ?? none) : none
}
