import { keepPreviousData, useQueries, useQuery } from '@tanstack/react-query'
import { useRef, useState } from 'react'
import { eventPage, type EventCounts, type EventPage, type ServerEvent } from '@/api/events'
import { epochMs } from '@/lib/brand'
import { joinHead, joinPage, type HeldEvents } from '@/lib/eventList'
import { msOf } from '@/lib/nanos'
import { encodeTimePoint, resolveRange } from '@/lib/time'
import { conditionsOf, eventFacets, type EventFacet, type EventsSearch } from '@/state/eventsSearch'
import { liveKey } from '@/state/live'
import { useTimeState } from '@/state/timeSearch'

const pageSize = 200
/** More than this is not read by people; a narrower range is. */
const loadedMax = 20_000
/** A bar is about this many pixels. */
const barPixels = 10

interface Head extends EventPage {
  readonly key: string
  readonly from: number
  readonly to: number
}

export interface Events {
  readonly events: readonly ServerEvent[]
  readonly counts: EventCounts | null
  readonly from: number
  readonly to: number
  readonly hasMore: boolean
  /** There are more, but no more are fetched. */
  readonly full: boolean
  readonly loading: boolean
  readonly loadingMore: boolean
  readonly error: Error | null
  readonly loadMore: () => void
}

const nothing: readonly ServerEvent[] = []

/** The events of the range in view: counted at each beat, and listed as far as one has scrolled. */
export function useEvents(search: EventsSearch): Events {
  const { range, zone } = useTimeState()
  const conditions = conditionsOf(search)
  const rangeKey = `${encodeTimePoint(range.from)}..${encodeTimePoint(range.to)}@${zone}`
  const key = `${JSON.stringify(conditions)}|${rangeKey}`
  const [held, setHeld] = useState<HeldEvents | null>(null)
  const [loadingMore, setLoadingMore] = useState(false)
  const [moreError, setMoreError] = useState<Error | null>(null)
  const asked = useQuery({
    queryKey: [liveKey, 'events', key],
    structuralSharing: false,
    placeholderData: keepPreviousData,
    retry: false,
    queryFn: async ({ signal }): Promise<Head> => {
      const { from, to } = resolveRange(range, epochMs(Date.now()), zone)
      const buckets = Math.min(Math.max(Math.round((window.innerWidth - 340) / barPixels), 24), 160)
      const { data } = await eventPage({ from, to: to + 1, conditions, limit: pageSize, buckets }, signal)
      return { ...data, key, from, to }
    },
  })
  const head = asked.data
  const [seen, setSeen] = useState<Head | null>(null)
  if (head !== undefined && head !== seen) {
    setSeen(head)
    setHeld(joinHead(held, head.key, head.from, head))
  }
  const busy = useRef(false)
  const loadMore = () => {
    if (held?.cursor == null || head === undefined || busy.current || held.events.length >= loadedMax) return
    busy.current = true
    setLoadingMore(true)
    const { cursor, key: of } = held
    eventPage({ from: head.from, to: head.to + 1, conditions, limit: pageSize, after: cursor })
      .then(({ data }) => {
        setMoreError(null)
        setHeld((old) => (old?.key === of && old.cursor === cursor ? joinPage(old, data) : old))
      })
      .catch((cause: unknown) => setMoreError(cause instanceof Error ? cause : new Error(String(cause))))
      .finally(() => {
        busy.current = false
        setLoadingMore(false)
      })
  }
  const events = held?.events ?? nothing
  return {
    events,
    counts: head?.counts ?? null,
    from: head?.from ?? 0,
    to: head?.to ?? 1,
    hasMore: held?.cursor != null && events.length < loadedMax,
    full: held?.cursor != null && events.length >= loadedMax,
    loading: asked.isPending,
    loadingMore,
    error: asked.error ?? moreError,
    loadMore,
  }
}

/** Counts of what is filtered by already, as they would be without that condition: so that more can be chosen. */
export function useOtherCounts(
  search: EventsSearch,
): ReadonlyMap<EventFacet, Readonly<Record<string, number>>> {
  const { range, zone } = useTimeState()
  const rangeKey = `${encodeTimePoint(range.from)}..${encodeTimePoint(range.to)}@${zone}`
  const active = eventFacets.filter(([name]) => search[name] !== undefined)
  const answers = useQueries({
    queries: active.map(([name, asked]) => {
      const conditions = conditionsOf(search, name)
      return {
        queryKey: [liveKey, 'event-facet', name, JSON.stringify(conditions), rangeKey],
        placeholderData: keepPreviousData,
        retry: false,
        queryFn: async ({ signal }: { signal: AbortSignal }) => {
          const { from, to } = resolveRange(range, epochMs(Date.now()), zone)
          const { data } = await eventPage({ from, to: to + 1, conditions, limit: 1, buckets: 1 }, signal)
          return data.counts?.facets[asked] ?? {}
        },
      }
    }),
  })
  return new Map(active.map(([name], i) => [name, answers[i]?.data ?? {}]))
}

/** The event that a link points at, wherever it is; null while it is not known, undefined if there is none. */
export function useLinkedEvent(
  key: string | undefined,
  loaded: readonly ServerEvent[],
): ServerEvent | null | undefined {
  const here = key === undefined ? undefined : loaded.find((event) => event.key === key)
  const away = useQuery({
    queryKey: ['event', key],
    enabled: key !== undefined && here === undefined,
    staleTime: Infinity,
    retry: false,
    queryFn: async ({ signal }) => {
      const at = msOf(key?.split('-')[0] ?? '0')
      const { data } = await eventPage({ from: at, to: at + 1, conditions: {}, limit: 1000 }, signal)
      return data.events.find((event) => event.key === key) ?? null
    },
  })
  if (key === undefined) return undefined
  if (here !== undefined) return here
  return away.isPending ? null : (away.data ?? undefined)
}
