import { getRouteApi } from '@tanstack/react-router'
import { useCallback } from 'react'
import type { EventFacet, EventsSearch } from '@/state/eventsSearch'

const route = getRouteApi('/events')

export interface EventsState {
  readonly search: EventsSearch
  readonly change: (change: EventsSearch) => void
  /** Adds a value to a condition, or takes it away. */
  readonly toggle: (facet: EventFacet | 'attr', value: string) => void
  readonly clear: () => void
  /** Whether any condition is set. */
  readonly filtered: boolean
}

const none: EventsSearch = {
  kind: undefined,
  service: undefined,
  on: undefined,
  environment: undefined,
  source: undefined,
  result: undefined,
  attr: undefined,
  severity: undefined,
  text: undefined,
}

/** The address of the screen as a typed value, and ways to change it. */
export function useEventsState(): EventsState {
  const search: EventsSearch = route.useSearch()
  const navigate = route.useNavigate()
  const change = useCallback(
    (next: EventsSearch) => void navigate({ resetScroll: false, search: (old) => ({ ...old, ...next }) }),
    [navigate],
  )
  const toggle = (facet: EventFacet | 'attr', value: string) => {
    const old = search[facet] ?? []
    const next = old.includes(value) ? old.filter((v) => v !== value) : [...old, value]
    change({ [facet]: next.length === 0 ? undefined : next })
  }
  const filtered = Object.keys(none).some((name) => search[name as keyof EventsSearch] !== undefined)
  return { search, change, toggle, clear: () => change(none), filtered }
}
