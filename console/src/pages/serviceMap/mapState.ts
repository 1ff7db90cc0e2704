import { getRouteApi } from '@tanstack/react-router'
import { useCallback, useMemo } from 'react'
import type { MapGrouping, ServiceMapSearch } from '@/state/traceSearch'
import type { Moment } from './useServiceMap'

const route = getRouteApi('/traces/map')

export interface MapState {
  readonly service: string | null
  /** Calls between the service and those that are shown; null shows all. */
  readonly hops: number | null
  readonly edge: string | null
  readonly group: MapGrouping
  readonly open: ReadonlySet<string>
  readonly table: boolean
  readonly filter: string
  readonly moment: Moment | null
  readonly windowMinutes: number
}

export type MapChange = { readonly [K in keyof ServiceMapSearch]?: ServiceMapSearch[K] | undefined }

const defaultWindow = 5

/** The address of the map as a typed value, and a way to change it. */
export function useMapState(): [MapState, (change: MapChange) => void] {
  const search = route.useSearch()
  const navigate = route.useNavigate()
  const state = useMemo((): MapState => {
    const { service, hops, edge, group, open, view, filter, at, window } = search
    const windowMinutes = window === undefined ? defaultWindow : Math.max(Number(window), 1)
    return {
      service: service ?? null,
      hops: hops === undefined ? null : Number(hops),
      edge: edge ?? null,
      group: group ?? 'none',
      open: new Set(open ?? []),
      table: view === 'table',
      filter: filter ?? '',
      moment: at === undefined ? null : { at: Number(at), windowMs: windowMinutes * 60_000 },
      windowMinutes,
    }
  }, [search])
  const change = useCallback(
    (next: MapChange) =>
      void navigate({
        resetScroll: false,
        replace: 'at' in next || 'filter' in next,
        search: (old) => ({ ...old, ...next }),
      }),
    [navigate],
  )
  return [state, change]
}
