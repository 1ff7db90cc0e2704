import type { RuleText } from '@/api/ruleTrial'
import { stored } from './stored'

const texts = (raw: unknown): Record<string, string> => {
  if (typeof raw !== 'object' || raw === null) return {}
  const entries = Object.entries(raw).filter(
    (entry): entry is [string, string] => typeof entry[1] === 'string',
  )
  return Object.fromEntries(entries)
}

/** The rule that is being tried; it stays in this browser. */
export const ruleDraft = stored<RuleText | null>('rule-draft', (raw) => {
  if (typeof raw !== 'object' || raw === null) return null
  const {
    language,
    range,
    alert,
    expr,
    for: wait,
    keep_firing_for: keep,
    labels,
    annotations,
  } = raw as Record<string, unknown>
  const text = (value: unknown) => (typeof value === 'string' ? value : '')
  return {
    language: language === 'logql' || language === 'traceql' ? language : 'promql',
    range: text(range),
    alert: text(alert),
    expr: text(expr),
    for: text(wait),
    keep_firing_for: text(keep),
    labels: texts(labels),
    annotations: texts(annotations),
  }
})
