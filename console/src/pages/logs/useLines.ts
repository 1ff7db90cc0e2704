import { useInfiniteQuery, useQuery, useQueryClient, type InfiniteData } from '@tanstack/react-query'
import { useMemo } from 'react'
import { epochMs } from '@/lib/brand'
import { joinPages, type LogLine, type Order } from '@/lib/logLine'
import { compareNanos, nanosOf } from '@/lib/nanos'
import { encodeTimePoint, endsNow, resolveRange } from '@/lib/time'
import { liveKey } from '@/state/live'
import { useTimeState } from '@/state/timeSearch'
import {
  directionOf,
  fetchAround,
  fetchPage,
  keptMax,
  newestCursor,
  type Bounds,
  type Cursor,
  type Page,
} from './pages'

interface Asked {
  /** null asks for nothing. */
  readonly query: string | null
  readonly order: Order
  /** The id of a line to begin around, not at an end. */
  readonly line: string | null
  /** Changes when the same is asked for again. */
  readonly turn: number
}

export interface Lines {
  readonly lines: readonly LogLine[]
  readonly first: Page | null
  readonly error: Error | null
  /** Nothing is known yet. */
  readonly loading: boolean
  readonly loadingMore: boolean
  readonly hasMore: boolean
  /** The browser holds as many as it will. */
  readonly full: boolean
  readonly loadMore: () => void
  readonly loadNewer: () => Promise<void>
}

type Data = InfiniteData<Page, Cursor | null>

const noPages: readonly Page[] = []

/**
 * The lines of a query, page by page as one scrolls. While the range ends now and refreshing is on, newer lines are
 * joined to the first page at each beat; only what is new is asked for.
 */
export function useLines({ query, order, line, turn }: Asked): Lines {
  const client = useQueryClient()
  const { range, zone } = useTimeState()
  const rangeKey = `${encodeTimePoint(range.from)}..${encodeTimePoint(range.to)}@${zone}`
  const key = useMemo(
    () => ['logs', 'lines', query, order, order === 'newest' ? line : null, rangeKey, turn],
    [query, order, line, rangeKey, turn],
  )
  const list = useInfiniteQuery<Page, Error, Data, readonly unknown[], Cursor | null>({
    queryKey: key,
    enabled: query !== null,
    structuralSharing: false,
    retry: false,
    staleTime: Infinity,
    gcTime: 30_000,
    initialPageParam: null,
    queryFn: async ({ signal, pageParam: cursor }) => {
      const known = client.getQueryData<Data>(key)?.pages[0]
      const bounds = known?.bounds ?? boundsNow()
      const asked = query ?? ''
      const at = line?.split('-')[0] ?? ''
      // The range may have been moved away from the line since.
      const within =
        /^\d{1,19}$/.test(at) && compareNanos(at, bounds.start) >= 0 && compareNanos(at, bounds.end) < 0
      if (cursor === null && order === 'newest' && within) return fetchAround(asked, bounds, at, signal)
      return fetchPage({ query: asked, bounds, cursor, direction: directionOf(order) }, signal)
    },
    getNextPageParam: (page) => page.next,
  })

  function boundsNow(): Bounds {
    const { from, to } = resolveRange(range, epochMs(Date.now()), zone)
    return { start: nanosOf(from), end: nanosOf(to) }
  }

  const pages = list.data?.pages ?? noPages
  const lines = useMemo(() => joinPages(pages.map((page) => page.lines)), [pages])
  const full = lines.length >= keptMax

  const takeNewer = async (end: Bounds['end'], signal?: AbortSignal) => {
    const first = client.getQueryData<Data>(key)?.pages[0]
    if (first === undefined || query === null) return
    const cursor = newestCursor(first.lines, first.bounds)
    const bounds = { start: first.bounds.start, end }
    const found = await fetchPage({ query, bounds, cursor, direction: 'forward' }, signal)
    if (found.lines.length === 0) return
    client.setQueryData<Data>(key, (old) => {
      const [head, ...rest] = old?.pages ?? []
      if (old === undefined || head === undefined || head !== first) return old
      const joined = [...[...found.lines].reverse(), ...head.lines]
      return { ...old, pages: [{ ...head, bounds, lines: joined, newer: found.next !== null }, ...rest] }
    })
  }

  const following = endsNow(range) && order === 'newest' && query !== null && line === null
  useQuery({
    queryKey: [liveKey, ...key],
    enabled: following && list.isSuccess && !full,
    staleTime: Infinity,
    gcTime: 0,
    retry: false,
    queryFn: async ({ signal }) => {
      await takeNewer(boundsNow().end, signal)
      return Date.now()
    },
  })

  return {
    lines,
    first: pages[0] ?? null,
    error: list.error,
    loading: list.isLoading,
    loadingMore: list.isFetchingNextPage,
    hasMore: list.hasNextPage && !full,
    full: full && list.hasNextPage,
    loadMore: () => {
      if (list.hasNextPage && !list.isFetchingNextPage && !full) void list.fetchNextPage()
    },
    loadNewer: () => takeNewer(pages[0]?.bounds.end ?? boundsNow().end),
  }
}
