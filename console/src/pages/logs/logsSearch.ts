import { getRouteApi } from '@tanstack/react-router'
import { useCallback, useMemo } from 'react'
import type { Order } from '@/lib/logLine'

export const lineViews = ['line', 'wrap', 'json'] as const
export type LineView = (typeof lineViews)[number]

export interface LogsState {
  /** What was run; null until something was. */
  readonly query: string | null
  readonly columns: readonly string[]
  readonly view: LineView
  readonly order: Order
  /** The line a link points at. */
  readonly line: string | null
  readonly tail: boolean
}

export interface LogsChange {
  readonly query?: string
  readonly columns?: readonly string[]
  readonly view?: LineView
  readonly order?: Order
  readonly line?: string | null
  readonly tail?: boolean
}

const route = getRouteApi('/logs')
const none: readonly string[] = []

/** The address of the screen as a typed value, and a way to change it; defaults are left out of the address. */
export function useLogsSearch(): [LogsState, (change: LogsChange) => void] {
  const { q, col, view, order, line, tail } = route.useSearch()
  const navigate = route.useNavigate()
  const state = useMemo(
    (): LogsState => ({
      query: q ?? null,
      columns: col ?? none,
      view: view ?? 'line',
      order: order ?? 'newest',
      line: line ?? null,
      tail: tail === '1',
    }),
    [q, col, view, order, line, tail],
  )
  const change = useCallback(
    (next: LogsChange) => {
      void navigate({
        resetScroll: false,
        search: (old) => ({
          ...old,
          // Another question is not about the line of a link.
          ...(next.query === undefined ? {} : { q: next.query, line: undefined }),
          ...(next.columns === undefined
            ? {}
            : { col: next.columns.length === 0 ? undefined : [...next.columns] }),
          ...(next.view === undefined ? {} : { view: next.view === 'line' ? undefined : next.view }),
          ...(next.order === undefined ? {} : { order: next.order === 'newest' ? undefined : next.order }),
          ...(next.line === undefined ? {} : { line: next.line ?? undefined }),
          ...(next.tail === undefined ? {} : { tail: next.tail ? ('1' as const) : undefined }),
        }),
      })
    },
    [navigate],
  )
  return [state, change]
}
