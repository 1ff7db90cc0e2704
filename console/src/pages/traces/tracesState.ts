import { getRouteApi } from '@tanstack/react-router'
import { useCallback, useMemo } from 'react'
import type { Sort } from '@/components/VirtualTable'

export interface TracesState {
  /** What was run; null until something was. */
  readonly query: string | null
  readonly show: 'traces' | 'spans'
  readonly sort: Sort
}

export interface TracesChange {
  readonly query?: string
  readonly show?: TracesState['show']
  readonly sort?: Sort
}

const route = getRouteApi('/traces')
const newest = '-start'

/** The address of the screen as a typed value, and a way to change it; defaults are left out of the address. */
export function useTracesState(): [TracesState, (change: TracesChange) => void] {
  const { q, show, sort = newest } = route.useSearch()
  const navigate = route.useNavigate()
  const state = useMemo(
    (): TracesState => ({
      query: q ?? null,
      show: show ?? 'traces',
      sort: { key: sort.replace('-', ''), descending: sort.startsWith('-') },
    }),
    [q, show, sort],
  )
  const change = useCallback(
    (next: TracesChange) => {
      const order = next.sort === undefined ? null : `${next.sort.descending ? '-' : ''}${next.sort.key}`
      void navigate({
        resetScroll: false,
        search: (old) => ({
          ...old,
          ...(next.query === undefined ? {} : { q: next.query }),
          ...(next.show === undefined
            ? {}
            : { show: next.show === 'spans' ? ('spans' as const) : undefined }),
          ...(order === null ? {} : { sort: order === newest ? undefined : order }),
        }),
      })
    },
    [navigate],
  )
  return [state, change]
}
