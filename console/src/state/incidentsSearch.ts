import { one, oneOf } from '@/lib/search'

/** What the address says of the list of incidents. */
export interface IncidentsSearch {
  /** Open ones if absent. */
  readonly status?: 'triggered' | 'acknowledged' | 'resolved' | 'all' | undefined
  readonly severity?: string | undefined
  readonly assigned?: string | undefined
  /** `TYPE/ID` */
  readonly entity?: string | undefined
  readonly filter?: string | undefined
  readonly sort?: 'updated' | 'severity' | undefined
  /** The one that the keyboard is on. */
  readonly at?: string | undefined
}

export const validateIncidentsSearch = (search: Record<string, unknown>): IncidentsSearch => ({
  status: oneOf(search.status, ['triggered', 'acknowledged', 'resolved', 'all'] as const),
  severity: one(search.severity),
  assigned: one(search.assigned),
  entity: one(search.entity),
  filter: one(search.filter),
  sort: oneOf(search.sort, ['updated', 'severity'] as const),
  at: one(search.at),
})

/** What the address says of one incident. */
export interface IncidentSearch {
  /** Which kinds of entries alone are shown. */
  readonly show?: 'alerts' | 'people' | 'telling' | 'changes' | 'errors' | undefined
}

export const validateIncidentSearch = (search: Record<string, unknown>): IncidentSearch => ({
  show: oneOf(search.show, ['alerts', 'people', 'telling', 'changes', 'errors'] as const),
})

/** What the address says of who is on call. */
export interface OncallSearch {
  readonly schedule?: string | undefined
  /** Weeks from this one. */
  readonly week?: string | undefined
}

export const validateOncallSearch = (search: Record<string, unknown>): OncallSearch => ({
  schedule: one(search.schedule),
  week: one(search.week),
})
