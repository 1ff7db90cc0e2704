import { one, oneOf } from '@/lib/search'

export const lookoutTabs = ['probes', 'heartbeats', 'checks', 'vigil'] as const
export type LookoutTab = (typeof lookoutTabs)[number]

/** What the address says of the screen; which of it counts depends on the tab. */
export interface LookoutSearch {
  readonly tab?: LookoutTab | undefined
  readonly filter?: string | undefined
  /** Which state alone is shown. */
  readonly state?: string | undefined
  /** The one whose details are shown. */
  readonly open?: string | undefined
}

export const validateLookoutSearch = (search: Record<string, unknown>): LookoutSearch => ({
  tab: oneOf(search.tab, lookoutTabs),
  filter: one(search.filter),
  state: one(search.state),
  open: one(search.open),
})
