import type { AlertState } from '@/lib/alerts'
import { many, one, oneOf } from '@/lib/search'

export const alertTabs = ['alerts', 'rules', 'silences', 'routes', 'deliveries'] as const
export type AlertTab = (typeof alertTabs)[number]

export const ruleStates = ['firing', 'pending', 'inactive', 'failing'] as const
export type RuleFilter = (typeof ruleStates)[number]

/** What the address says of the screen; which of it counts depends on the tab. */
export interface AlertsSearch {
  readonly tab?: AlertTab | undefined
  readonly filter?: string | undefined
  /** On Alerts: which states are shown. */
  readonly state?: AlertState[] | undefined
  /** On Alerts: the label by which they are grouped; `severity` if absent, `none` for no groups. */
  readonly by?: string | undefined
  /** On Alerts: the one whose details are shown. */
  readonly alert?: string | undefined
  /** On Rules: which are shown, and which one's details are. */
  readonly health?: RuleFilter | undefined
  readonly rule?: string | undefined
  /** On Rules: the editor is open. */
  readonly edit?: '1' | undefined
  /** On Silences: which are shown. */
  readonly silences?: 'active' | 'pending' | 'expired' | undefined
  /** On Silences: the form is open for a new one with these conditions. */
  readonly silence?: string | undefined
  /** On Routes: labels whose way is shown. */
  readonly labels?: string | undefined
}

const states: readonly AlertState[] = ['firing', 'pending', 'silenced', 'inhibited', 'resolved']

export function validateAlertsSearch(search: Record<string, unknown>): AlertsSearch {
  const wanted = many(search.state)
  return {
    tab: oneOf(search.tab, alertTabs),
    filter: one(search.filter),
    state: wanted.length === 0 ? undefined : states.filter((state) => wanted.includes(state)),
    by: one(search.by),
    alert: one(search.alert),
    health: oneOf(search.health, ruleStates),
    rule: one(search.rule),
    edit: oneOf(search.edit, ['1'] as const),
    silences: oneOf(search.silences, ['active', 'pending', 'expired'] as const),
    silence: one(search.silence),
    labels: one(search.labels),
  }
}
