import type { Rule, RuleGroup } from '@/api/alerting'

export interface PlacedRule {
  readonly group: RuleGroup
  readonly rule: Rule
  /** Its place in its group. */
  readonly index: number
}

/** What names a rule in an address: its file, its group, its place there. */
export const ruleId = ({ group, index }: PlacedRule): string => `${group.file};${group.name};${index}`

export function placedRules(groups: readonly RuleGroup[]): PlacedRule[] {
  return groups.flatMap((group) => group.rules.map((rule, index) => ({ group, rule, index })))
}
