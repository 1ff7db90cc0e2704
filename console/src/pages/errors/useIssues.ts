import { keepPreviousData, useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { useMemo } from 'react'
import { issueList, type Issue, type IssueList, type IssueQuestion } from '@/api/errors'
import { errorsKey } from '@/components/issues/useIssueActions'
import { epochMs } from '@/lib/brand'
import { queryOf } from '@/lib/issueQuery'
import { issueWindow } from '@/lib/issueWindow'
import { encodeTimePoint, resolveRange } from '@/lib/time'
import type { ErrorsSearch } from '@/state/errorSearch'
import { useSlowBeat } from '@/state/live'
import { useTimeState } from '@/state/timeSearch'

/** The first page comes quickly, further ones are long: ten thousand are twenty questions. */
const firstPage = 100
const laterPage = 500
const searchingMs = 2000
const settledMs = 300_000

/** Whether anything was ever sent; null until that is known. */
export function useAnyErrors(): boolean | null {
  const asked = useQuery({
    queryKey: [...errorsKey, 'any'],
    queryFn: async ({ signal }) => {
      const window = { from: 0, to: Date.now() + 86_400_000, buckets: 1 }
      const one = {
        status: 'all',
        query: '',
        sort: 'last_seen',
        limit: 1,
        offset: 0,
        overview: false,
      } as const
      return (await issueList(one, window, signal)).data.total > 0
    },
    staleTime: settledMs,
    refetchInterval: ({ state }) => (state.data === false ? searchingMs : false),
  })
  return asked.data ?? null
}

export interface Issues {
  /** Those that are loaded, in order. */
  readonly issues: readonly Issue[]
  /** What the first page says of all of them. */
  readonly overview: IssueList | null
  readonly error: Error | null
  /** Others than those that were asked for last are shown still. */
  readonly stale: boolean
  readonly hasMore: boolean
  readonly loadingMore: boolean
  readonly more: () => void
}

/** The issues that are asked for, page by page. */
export function useIssues(search: ErrorsSearch, enabled: boolean): Issues {
  const { range, zone } = useTimeState()
  const beat = useSlowBeat()
  const { project, status = 'unresolved', sort = 'last_seen' } = search
  const query = queryOf(search)
  const rangeKey = `${encodeTimePoint(range.from)}..${encodeTimePoint(range.to)}@${zone}`
  const asked = useInfiniteQuery({
    queryKey: [...errorsKey, 'issues', rangeKey, project ?? '', status, query, sort],
    enabled,
    initialPageParam: 0,
    placeholderData: keepPreviousData,
    queryFn: async ({ signal, pageParam }) => {
      const { from, to } = resolveRange(range, epochMs(Date.now()), zone)
      const limit = pageParam === 0 ? firstPage : laterPage
      const wanted: IssueQuestion = {
        project,
        status,
        query,
        sort,
        limit,
        offset: pageParam,
        overview: pageParam === 0,
      }
      return (await issueList(wanted, issueWindow(from, to), signal)).data
    },
    getNextPageParam: (last, pages) => {
      const loaded = pages.reduce((sum, page) => sum + page.issues.length, 0)
      return last.issues.length > 0 && loaded < last.total ? loaded : undefined
    },
    refetchInterval: ({ state }) => beat((state.data?.pages[0]?.total ?? 0) === 0),
  })
  const pages = asked.data?.pages
  const issues = useMemo(() => {
    // Between two pages an issue may have moved from one to the other.
    const seen = new Map<string, Issue>()
    for (const page of pages ?? []) for (const issue of page.issues) seen.set(issue.id, issue)
    return [...seen.values()]
  }, [pages])
  return {
    issues,
    overview: pages?.[0] ?? null,
    error: asked.error,
    stale: asked.isPlaceholderData,
    hasMore: asked.hasNextPage,
    loadingMore: asked.isFetchingNextPage,
    more: () => {
      if (asked.hasNextPage && !asked.isFetching) void asked.fetchNextPage()
    },
  }
}
