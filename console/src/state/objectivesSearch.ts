import { one, oneOf } from '@/lib/search'
import { stored } from './stored'

/** What the address says of the list of objectives. */
export interface ObjectivesSearch {
  readonly filter?: string | undefined
  readonly state?: 'exhausted' | 'burning' | 'noData' | 'ok' | undefined
  /** By what it is sorted; the most urgent first if absent. */
  readonly sort?: 'budget' | 'burn' | 'name' | undefined
  /** The one that the keyboard is on. */
  readonly at?: string | undefined
}

export const validateObjectivesSearch = (search: Record<string, unknown>): ObjectivesSearch => ({
  filter: one(search.filter),
  state: oneOf(search.state, ['exhausted', 'burning', 'noData', 'ok'] as const),
  sort: oneOf(search.sort, ['budget', 'burn', 'name'] as const),
  at: one(search.at),
})

/** The objective that is being written; it stays in this browser. */
export const objectiveDraft = stored<string>('objective-draft', (raw) => (typeof raw === 'string' ? raw : ''))
