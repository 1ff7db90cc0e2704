import type { RuleAlert, ToldAlert } from '../api/alerting'
import type { Labels } from '../api/types'
import { looksLikeMatchers, matcherTest, parseMatchers, type ParsedMatchers } from './alertMatchers'
import { labelsKey } from './frame'

export const alertStates = ['firing', 'pending', 'silenced', 'inhibited', 'resolved'] as const
export type AlertState = (typeof alertStates)[number]

/** What people look for first. */
export const usualStates: readonly AlertState[] = ['firing', 'pending']

/** An alert as rules and routes together know it. */
export interface Alert {
  /** Tells it from others, also in an address. */
  readonly key: string
  readonly name: string
  readonly severity: string
  readonly labels: Labels
  /** The labels its rule gave it: without external ones. Null if it is not of a rule of this server. */
  readonly ruleLabels: Labels | null
  readonly annotations: Labels
  readonly state: AlertState
  /** Milliseconds since the epoch. */
  readonly since: number
  /** When its condition was first true, if that is known. */
  readonly activeAt: number | null
  readonly recoveringSince: number | null
  readonly value: number | null
  readonly receivers: readonly string[]
  readonly silencedBy: readonly string[]
  readonly inhibitedBy: readonly string[]
  readonly generatorUrl: string
}

/** Two 32-bit halves of FNV-1a over the labels: short enough for an address. */
export function alertKey(labels: Labels): string {
  const text = labelsKey(labels)
  let a = 0x811c9dc5
  let b = 0x01000193
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i)
    a = Math.imul(a ^ c, 0x01000193)
    b = Math.imul(b ^ (c + i), 0x85ebca6b)
  }
  const hex = (n: number) => (n >>> 0).toString(16).padStart(8, '0')
  return hex(a) + hex(b)
}

const severityNames = ['severity', 'priority', 'level'] as const

export const severityOf = (labels: Labels): string => {
  for (const name of severityNames) if (labels[name] !== undefined) return labels[name]
  return ''
}

/** Severities by rank; what is not known stands between what wakes people and what does not. */
const ranks: readonly (readonly string[])[] = [
  ['critical', 'page', 'emergency', 'disaster', 'fatal', 'p0', 'p1', 'sev1'],
  ['error', 'major', 'high', 'p2', 'sev2'],
  ['warning', 'warn', 'minor', 'medium', 'ticket', 'p3', 'sev3'],
  [],
  ['info', 'informational', 'low', 'notice', 'p4', 'p5', 'sev4', 'none'],
]
const unknownRank = 3

export function severityRank(severity: string): number {
  const found = ranks.findIndex((names) => names.includes(severity.toLowerCase()))
  return found < 0 ? unknownRank : found
}

export type SeverityTone = 'critical' | 'error' | 'warning' | 'other' | 'info'
const tones: readonly SeverityTone[] = ['critical', 'error', 'warning', 'other', 'info']
export const severityTone = (severity: string): SeverityTone => tones[severityRank(severity)] ?? 'other'

function stateOf(told: ToldAlert): AlertState {
  if (told.silencedBy.length > 0) return 'silenced'
  return told.inhibitedBy.length > 0 ? 'inhibited' : 'firing'
}

/** The alerts of the server's rules joined with those that people are told of, and those that are over. */
export function joinAlerts(
  rules: readonly RuleAlert[],
  told: readonly ToldAlert[],
  resolved: readonly ResolvedAlert[],
): Alert[] {
  const index = new Map(told.map((alert) => [alert.fingerprint, alert]))
  const joined = new Set<ToldAlert>()
  const out: Alert[] = []
  for (const rule of rules) {
    if (rule.state === 'inactive') continue
    // Relabelling may change every label of what is told: the server says what became of which.
    const found =
      rule.state === 'firing' && rule.fingerprint !== null ? index.get(rule.fingerprint) : undefined
    if (found !== undefined) joined.add(found)
    const labels = found?.labels ?? rule.labels
    out.push({
      key: alertKey(rule.labels),
      name: labels.alertname ?? '',
      severity: severityOf(labels),
      labels,
      ruleLabels: rule.labels,
      annotations: rule.annotations,
      state: rule.state === 'pending' ? 'pending' : found === undefined ? 'firing' : stateOf(found),
      since: found?.startsAt ?? rule.activeAt,
      activeAt: rule.activeAt,
      recoveringSince: rule.recoveringSince,
      value: rule.value,
      receivers: found?.receivers ?? [],
      silencedBy: found?.silencedBy ?? [],
      inhibitedBy: found?.inhibitedBy ?? [],
      generatorUrl: found?.generatorUrl ?? '',
    })
  }
  for (const alert of told) {
    if (joined.has(alert)) continue
    out.push({
      key: alertKey(alert.labels),
      name: alert.labels.alertname ?? '',
      severity: severityOf(alert.labels),
      labels: alert.labels,
      ruleLabels: null,
      annotations: alert.annotations,
      state: stateOf(alert),
      since: alert.startsAt,
      activeAt: null,
      recoveringSince: null,
      value: null,
      receivers: alert.receivers,
      silencedBy: alert.silencedBy,
      inhibitedBy: alert.inhibitedBy,
      generatorUrl: alert.generatorUrl,
    })
  }
  const known = new Set(out.map(({ key }) => key))
  for (const { labels, at } of resolved) {
    const key = alertKey(labels)
    // What fires or waits again is not over.
    if (known.has(key)) continue
    out.push(overAlert(key, labels, at))
  }
  return out
}

export interface ResolvedAlert {
  readonly labels: Labels
  /** When it was last seen to fire, milliseconds since the epoch. */
  readonly at: number
}

function overAlert(key: string, labels: Labels, at: number): Alert {
  return {
    key,
    name: labels.alertname ?? '',
    severity: severityOf(labels),
    labels,
    ruleLabels: labels,
    annotations: {},
    state: 'resolved',
    since: at,
    activeAt: null,
    recoveringSince: null,
    value: null,
    receivers: [],
    silencedBy: [],
    inhibitedBy: [],
    generatorUrl: '',
  }
}

export type AlertFilter = {
  readonly test: (alert: Alert) => boolean
  readonly mistake: Extract<ParsedMatchers, { mistake: unknown }>['mistake'] | null
}

/** What a text of the filter box lets through: conditions on labels, or words anywhere in an alert. */
export function alertFilter(text: string): AlertFilter {
  if (text.trim() === '') return { test: () => true, mistake: null }
  if (looksLikeMatchers(text)) {
    const parsed = parseMatchers(text)
    if ('mistake' in parsed) return { test: () => true, mistake: parsed.mistake }
    const test = matcherTest(parsed.matchers)
    return { test: ({ labels }) => test(labels), mistake: null }
  }
  const words = text.toLowerCase().split(/\s+/).filter(Boolean)
  const test = ({ labels, annotations }: Alert) => {
    const all = [...Object.values(labels), ...Object.values(annotations)].join('\n').toLowerCase()
    return words.every((word) => all.includes(word))
  }
  return { test, mistake: null }
}

export type AlertCounts = Readonly<Record<AlertState, number>>

export function countStates(alerts: readonly Alert[]): AlertCounts {
  const counts = { firing: 0, pending: 0, silenced: 0, inhibited: 0, resolved: 0 }
  for (const { state } of alerts) counts[state]++
  return counts
}

export interface AlertGroup {
  readonly name: string
  readonly counts: AlertCounts
  readonly alerts: readonly Alert[]
  readonly rank: number
}

const stateRank: Readonly<Record<AlertState, number>> = {
  firing: 0,
  pending: 1,
  silenced: 2,
  inhibited: 3,
  resolved: 4,
}

/** What fires first, then by severity, then the newest. */
export function compareAlerts(a: Alert, b: Alert): number {
  return (
    stateRank[a.state] - stateRank[b.state] ||
    severityRank(a.severity) - severityRank(b.severity) ||
    b.since - a.since ||
    (a.key < b.key ? -1 : 1)
  )
}

/** By severity, by any label, or all together. The gravest group comes first, then the largest. */
export function groupAlerts(alerts: readonly Alert[], by: string): AlertGroup[] {
  const groups = new Map<string, Alert[]>()
  for (const alert of alerts) {
    const name =
      by === 'severity'
        ? alert.severity
        : by === 'state'
          ? alert.state
          : by === ''
            ? ''
            : (alert.labels[by] ?? '')
    const same = groups.get(name)
    if (same === undefined) groups.set(name, [alert])
    else same.push(alert)
  }
  const ranked = [...groups].map(([name, members]): AlertGroup => {
    members.sort(compareAlerts)
    const rank = Math.min(
      ...members.slice(0, 1000).map((a) => stateRank[a.state] * 10 + severityRank(a.severity)),
    )
    return { name, counts: countStates(members), alerts: members, rank }
  })
  const order = (g: AlertGroup) => (by === 'severity' ? severityRank(g.name) : g.rank)
  return ranked.sort(
    (a, b) => order(a) - order(b) || b.alerts.length - a.alerts.length || a.name.localeCompare(b.name),
  )
}
