import type { Rule } from '../api/alerting'
import type { RuleText } from '../api/ruleTrial'
import type { Labels } from '../api/types'
import { ms } from './brand'
import { formatDuration } from './duration'

/** A text as YAML reads it back: bare where that is safe, else in quotes. */
export function yamlScalar(text: string): string {
  const bare = /^[A-Za-z_/][\w./-]*$/.test(text) && !/^(true|false|null|yes|no|on|off|y|n)$/i.test(text)
  if (bare) return text
  return /[\p{Cc}\u2028\u2029\ufeff]/u.test(text) ? JSON.stringify(text) : `'${text.replaceAll("'", "''")}'`
}

/** An expression or a text of several lines as a block, which needs no quotes; else on one line. */
function blockOrScalar(text: string, indent: string): string {
  const plain =
    /^[A-Za-z_(][^\n]*$/.test(text) && !/(: |\s#|:$)/.test(text) && !/^(true|false|null)$/i.test(text)
  if (!text.includes('\n'))
    return plain && !/[\p{Cc}]/u.test(text) && text === text.trim() ? text : yamlScalar(text)
  const lines = text.replace(/\n+$/, '').split('\n')
  // A block cannot begin with a space without saying how far it is indented.
  if (/^\s/.test(lines[0] ?? '') || text.includes('\t')) return JSON.stringify(text)
  const keep = text.endsWith('\n') ? '|' : '|-'
  return `${keep}\n${lines.map((line) => (line === '' ? '' : `${indent}${line}`)).join('\n')}`
}

function pairs(name: string, labels: Labels): string[] {
  const entries = Object.entries(labels)
  if (entries.length === 0) return []
  return [
    `  ${name}:`,
    ...entries.map(
      ([key, value]) =>
        `    ${yamlScalar(key)}: ${value.includes('\n') ? blockOrScalar(value, '      ') : yamlScalar(value)}`,
    ),
  ]
}

/** A rule as one would write it, an item of the list `rules`. */
export function ruleYaml(rule: RuleText): string {
  const lines = [
    `- alert: ${yamlScalar(rule.alert)}`,
    `  expr: ${blockOrScalar(rule.expr.trim(), '    ')}`,
    ...(rule.for.trim() === '' ? [] : [`  for: ${rule.for.trim()}`]),
    ...(rule.keep_firing_for.trim() === '' ? [] : [`  keep_firing_for: ${rule.keep_firing_for.trim()}`]),
    ...pairs('labels', rule.labels),
    ...pairs('annotations', rule.annotations),
  ]
  return `${lines.join('\n')}\n`
}

/** A whole rule file with one rule. */
export function ruleFileYaml(rule: RuleText, group: string): string {
  const inner = ruleYaml(rule).trimEnd().split('\n')
  const indented = inner.map((line) => (line === '' ? '' : `      ${line}`))
  const language = rule.language === 'promql' ? '' : `    language: ${rule.language}\n`
  const range =
    rule.language === 'traceql' && rule.range.trim() !== '' ? `    range: ${rule.range.trim()}\n` : ''
  return `groups:\n  - name: ${yamlScalar(group)}\n${language}${range}    rules:\n${indented.join('\n')}\n`
}

const written = (seconds: number): string => (seconds > 0 ? formatDuration(ms(seconds * 1000)) : '')

/** A rule in force as it would be written. */
export const textOfRule = (rule: Rule): RuleText => ({
  language: rule.language,
  range: '',
  alert: rule.name,
  expr: rule.query,
  for: written(rule.forSeconds),
  keep_firing_for: written(rule.keepFiringSeconds),
  labels: rule.labels,
  annotations: rule.annotations,
})
