import { useQuery, type UseQueryResult } from '@tanstack/react-query'
import { ruleGroups } from '@/api/alerting'
import type { Alert } from '@/lib/alerts'
import { labelsKey } from '@/lib/frame'
import { placedRules, type PlacedRule } from './ruleId'
import { alertsKey } from './useAlerts'

export type FoundRule = PlacedRule

/** Where a rule of a part of all groups stands in its whole group. */
async function placed(found: PlacedRule, signal: AbortSignal): Promise<PlacedRule> {
  const { file, name } = found.group
  const whole = await ruleGroups({ file, group: name, alerts: false }, signal)
  const same = placedRules(whole).find(
    ({ rule }) =>
      rule.name === found.rule.name &&
      rule.query === found.rule.query &&
      labelsKey(rule.labels) === labelsKey(found.rule.labels),
  )
  return same ?? found
}

async function ruleOf(name: string, labels: string, signal: AbortSignal): Promise<PlacedRule | null> {
  const candidates = placedRules(await ruleGroups({ name, alerts: false }, signal)).filter(
    ({ rule }) => rule.type === 'alerting',
  )
  const [only, ...others] = candidates
  if (only === undefined) return null
  if (others.length === 0) return placed(only, signal)
  // Several rules have this name: which of them gave the alert, their alerts tell.
  const full = placedRules(await ruleGroups({ name, alerts: true }, signal))
  const giver = full.find(({ rule }) => rule.alerts.some((alert) => labelsKey(alert.labels) === labels))
  return placed(giver ?? only, signal)
}

/** The rule that gives an alert; null if it is evaluated elsewhere. */
export function useRuleOf(alert: Alert): UseQueryResult<FoundRule | null> {
  const labels = alert.ruleLabels === null ? null : labelsKey(alert.ruleLabels)
  return useQuery({
    queryKey: [alertsKey, 'rule-of', alert.name, labels],
    staleTime: 30_000,
    queryFn: ({ signal }) => (labels === null ? null : ruleOf(alert.name, labels, signal)),
  })
}
