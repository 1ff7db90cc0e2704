import { issueLevels, issueSorts, type IssueLevel, type IssueSort } from '@/api/errors'
import { one, oneOf } from '@/lib/search'

/** What the address says of the list of issues. */
export interface ErrorsSearch {
  /** Words, and conditions as the server reads them. */
  readonly q?: string | undefined
  readonly project?: string | undefined
  /** Unresolved ones if absent. */
  readonly status?: 'resolved' | 'ignored' | 'all' | undefined
  readonly is?: 'new' | 'regressed' | 'unhandled' | undefined
  readonly service?: string | undefined
  readonly level?: IssueLevel | undefined
  readonly release?: string | undefined
  readonly env?: string | undefined
  /** Whose; a minus for those that are nobody's. */
  readonly assigned?: string | undefined
  readonly sort?: IssueSort | undefined
  /** The one that the keyboard is on. */
  readonly at?: string | undefined
}

export function validateErrorsSearch(search: Record<string, unknown>): ErrorsSearch {
  return {
    q: one(search.q),
    project: one(search.project),
    status: oneOf(search.status, ['resolved', 'ignored', 'all'] as const),
    is: oneOf(search.is, ['new', 'regressed', 'unhandled'] as const),
    service: one(search.service),
    level: oneOf(search.level, issueLevels),
    release: one(search.release),
    env: one(search.env),
    assigned: one(search.assigned),
    sort: oneOf(search.sort, issueSorts),
    at: one(search.at),
  }
}

export const issueTabs = ['event', 'events', 'tags', 'feedback', 'grouping', 'activity'] as const
export type IssueTab = (typeof issueTabs)[number]

/** What the address says of one issue. */
export interface IssueSearch {
  readonly tab?: IssueTab | undefined
  /** The event that is shown; the newest if absent. */
  readonly event?: string | undefined
  /** `raw`: stack traces as text. */
  readonly stack?: 'raw' | undefined
}

export const validateIssueSearch = (search: Record<string, unknown>): IssueSearch => ({
  tab: oneOf(search.tab, issueTabs),
  event: one(search.event),
  stack: oneOf(search.stack, ['raw'] as const),
})

/** What the address says of the list of releases. */
export interface ReleasesSearch {
  readonly project?: string | undefined
  readonly env?: string | undefined
}

export const validateReleasesSearch = (search: Record<string, unknown>): ReleasesSearch => ({
  project: one(search.project),
  env: one(search.env),
})
