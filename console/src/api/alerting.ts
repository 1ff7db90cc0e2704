import { dictionary, fields, list, number, optional, sampleNumber, text, type Decoder } from './decode'
import { labelsDecoder, request } from './http'
import type { Labels } from './types'

export type AlertPhase = 'pending' | 'firing' | 'inactive'

/** An alert of one of the server's own rules. */
export interface RuleAlert {
  readonly labels: Labels
  readonly annotations: Labels
  readonly state: AlertPhase
  /** When its condition was first true, milliseconds since the epoch. */
  readonly activeAt: number
  /** Since when its condition is over, while it fires on. */
  readonly recoveringSince: number | null
  readonly value: number
  /** What people are told of it under; null if relabelling drops it. */
  readonly fingerprint: string | null
}

export type RuleHealth = 'ok' | 'err' | 'unknown'

/** What expressions are written in: over series, over logs and events, over spans. */
export type RuleLanguage = 'promql' | 'logql' | 'traceql'

export interface Rule {
  readonly type: 'alerting' | 'recording'
  readonly name: string
  readonly query: string
  readonly labels: Labels
  readonly health: RuleHealth
  readonly language: RuleLanguage
  /** Since when it has found nothing to look at, if that is long. */
  readonly unmatchedSince: number | null
  readonly lastError: string
  readonly lastEvaluation: number | null
  readonly evaluationSeconds: number
  /** Of alerting rules; else `inactive`. */
  readonly state: 'firing' | 'pending' | 'inactive' | 'unknown'
  readonly forSeconds: number
  readonly keepFiringSeconds: number
  readonly annotations: Labels
  readonly alerts: readonly RuleAlert[]
}

export interface RuleGroup {
  readonly name: string
  readonly file: string
  readonly intervalSeconds: number
  readonly limit: number
  readonly evaluationSeconds: number
  readonly lastEvaluation: number | null
  readonly missed: number
  readonly rules: readonly Rule[]
}

const flag: Decoder<boolean> = (value) => value === true

/** The year 1 stands for what never was. */
const instant: Decoder<number | null> = (value, path) => {
  const at = Date.parse(text(value, path))
  return Number.isNaN(at) || at <= 0 ? null : at
}

const moment: Decoder<number> = (value, path) => instant(value, path) ?? 0

const ruleAlert: Decoder<RuleAlert> = (value, path) => {
  const body = fields(value, path)
  const state = text(body.state, `${path}.state`)
  return {
    labels: labelsDecoder(body.labels, `${path}.labels`),
    annotations: optional(labelsDecoder, {})(body.annotations, `${path}.annotations`),
    state: state === 'firing' || state === 'pending' ? state : 'inactive',
    activeAt: moment(body.activeAt, `${path}.activeAt`),
    recoveringSince: optional<number | null>(instant, null)(body.keepFiringSince, `${path}.keepFiringSince`),
    value: sampleNumber(optional(text, 'NaN')(body.value, `${path}.value`)),
    fingerprint: optional<string | null>(text, null)(body.fingerprint, `${path}.fingerprint`),
  }
}

const oneOf = <T extends string>(known: readonly T[], fallback: T): Decoder<T> => {
  return (value) => known.find((name) => name === value) ?? fallback
}

const rule: Decoder<Rule> = (value, path) => {
  const body = fields(value, path)
  const figure = (name: string) => optional(number, 0)(body[name], `${path}.${name}`)
  return {
    type: body.type === 'recording' ? 'recording' : 'alerting',
    name: text(body.name, `${path}.name`),
    query: text(body.query, `${path}.query`),
    labels: optional(labelsDecoder, {})(body.labels, `${path}.labels`),
    health: oneOf<RuleHealth>(['ok', 'err'], 'unknown')(body.health, path),
    language: oneOf<RuleLanguage>(['logql', 'traceql'], 'promql')(body.language, path),
    unmatchedSince: optional<number | null>(instant, null)(body.unmatchedSince, `${path}.unmatchedSince`),
    lastError: optional(text, '')(body.lastError, `${path}.lastError`),
    lastEvaluation: optional<number | null>(instant, null)(body.lastEvaluation, `${path}.lastEvaluation`),
    evaluationSeconds: figure('evaluationTime'),
    state: oneOf<Rule['state']>(['firing', 'pending', 'unknown'], 'inactive')(body.state, path),
    forSeconds: figure('duration'),
    keepFiringSeconds: figure('keepFiringFor'),
    annotations: optional(labelsDecoder, {})(body.annotations, `${path}.annotations`),
    alerts: optional(list(ruleAlert), [])(body.alerts, `${path}.alerts`),
  }
}

const ruleGroup: Decoder<RuleGroup> = (value, path) => {
  const body = fields(value, path)
  const figure = (name: string) => optional(number, 0)(body[name], `${path}.${name}`)
  return {
    name: text(body.name, `${path}.name`),
    file: text(body.file, `${path}.file`),
    intervalSeconds: figure('interval'),
    limit: figure('limit'),
    evaluationSeconds: figure('evaluationTime'),
    lastEvaluation: optional<number | null>(instant, null)(body.lastEvaluation, `${path}.lastEvaluation`),
    missed: figure('missedEvaluations'),
    rules: list(rule)(body.rules, `${path}.rules`),
  }
}

export interface RulesAsked {
  readonly name?: string
  readonly group?: string
  readonly file?: string
  readonly alerts: boolean
}

export async function ruleGroups(asked: RulesAsked, signal?: AbortSignal): Promise<RuleGroup[]> {
  const params = {
    'rule_name[]': asked.name,
    'rule_group[]': asked.group,
    'file[]': asked.file,
    exclude_alerts: asked.alerts ? undefined : 'true',
  }
  const decode: Decoder<RuleGroup[]> = (value, path) =>
    list(ruleGroup)(fields(value, path).groups, `${path}.groups`)
  return (await request('/api/v1/rules', params, decode, signal)).data
}

/** All alerts of the server's own rules. */
export async function ruleAlerts(signal?: AbortSignal): Promise<RuleAlert[]> {
  const decode: Decoder<RuleAlert[]> = (value, path) =>
    list(ruleAlert)(fields(value, path).alerts, `${path}.alerts`)
  return (await request('/api/v1/alerts', {}, decode, signal)).data
}

/** An alert that people are told of, whoever found it. */
export interface ToldAlert {
  readonly fingerprint: string
  readonly labels: Labels
  readonly annotations: Labels
  readonly startsAt: number
  readonly updatedAt: number
  readonly receivers: readonly string[]
  readonly silencedBy: readonly string[]
  readonly inhibitedBy: readonly string[]
  readonly generatorUrl: string
}

const named: Decoder<string> = (value, path) => text(fields(value, path).name, `${path}.name`)
const texts = list(text)

const toldAlert: Decoder<ToldAlert> = (value, path) => {
  const body = fields(value, path)
  const status = optional(fields, {})(body.status, `${path}.status`)
  return {
    fingerprint: text(body.fingerprint, `${path}.fingerprint`),
    labels: labelsDecoder(body.labels, `${path}.labels`),
    annotations: optional(labelsDecoder, {})(body.annotations, `${path}.annotations`),
    startsAt: moment(body.startsAt, `${path}.startsAt`),
    updatedAt: moment(body.updatedAt, `${path}.updatedAt`),
    receivers: optional(list(named), [])(body.receivers, `${path}.receivers`),
    silencedBy: optional(texts, [])(status.silencedBy, `${path}.status.silencedBy`),
    inhibitedBy: optional(texts, [])(status.inhibitedBy, `${path}.status.inhibitedBy`),
    generatorUrl: optional(text, '')(body.generatorURL, `${path}.generatorURL`),
  }
}

const bare = { bare: true } as const

export async function toldAlerts(signal?: AbortSignal): Promise<ToldAlert[]> {
  return (await request('/api/v2/alerts', {}, list(toldAlert), signal, bare)).data
}

/** One condition on a label. */
export interface Matcher {
  readonly name: string
  readonly value: string
  readonly isRegex: boolean
  readonly isEqual: boolean
}

const matcher: Decoder<Matcher> = (value, path) => {
  const body = fields(value, path)
  return {
    name: text(body.name, `${path}.name`),
    value: text(body.value, `${path}.value`),
    isRegex: flag(body.isRegex, path),
    isEqual: optional(flag, true)(body.isEqual, path),
  }
}

export type SilenceState = 'active' | 'pending' | 'expired'

export interface Silence {
  readonly id: string
  readonly state: SilenceState
  readonly matchers: readonly Matcher[]
  readonly startsAt: number
  readonly endsAt: number
  readonly updatedAt: number
  readonly createdBy: string
  readonly comment: string
}

const silence: Decoder<Silence> = (value, path) => {
  const body = fields(value, path)
  const status = optional(fields, {})(body.status, `${path}.status`)
  return {
    id: text(body.id, `${path}.id`),
    state: oneOf<SilenceState>(['active', 'pending'], 'expired')(status.state, path),
    matchers: list(matcher)(body.matchers, `${path}.matchers`),
    startsAt: moment(body.startsAt, `${path}.startsAt`),
    endsAt: moment(body.endsAt, `${path}.endsAt`),
    updatedAt: optional(moment, 0)(body.updatedAt, `${path}.updatedAt`),
    createdBy: optional(text, '')(body.createdBy, `${path}.createdBy`),
    comment: optional(text, '')(body.comment, `${path}.comment`),
  }
}

export async function silences(signal?: AbortSignal): Promise<Silence[]> {
  return (await request('/api/v2/silences', {}, list(silence), signal, bare)).data
}

export interface SilenceDraft {
  /** Of the silence that is changed. */
  readonly id?: string | undefined
  readonly matchers: readonly Matcher[]
  readonly startsAt: number
  readonly endsAt: number
  readonly createdBy: string
  readonly comment: string
}

/** Makes or changes a silence and gives its id, which may be another one. */
export async function saveSilence(draft: SilenceDraft): Promise<string> {
  const iso = (at: number) => new Date(at).toISOString()
  const json = { ...draft, startsAt: iso(draft.startsAt), endsAt: iso(draft.endsAt) }
  const decode: Decoder<string> = (value, path) => text(fields(value, path).silenceID, `${path}.silenceID`)
  return (await request('/api/v2/silences', {}, decode, undefined, { ...bare, json })).data
}

export async function expireSilence(id: string): Promise<void> {
  const path = `/api/v2/silence/${encodeURIComponent(id)}`
  await request(path, {}, text, undefined, { method: 'DELETE', plain: true })
}

export interface SilencePreview {
  readonly count: number
  /** The first of them. */
  readonly alerts: readonly { readonly fingerprint: string; readonly labels: Labels }[]
}

/** The alerts that a silence with these conditions would be about. */
export async function previewSilence(
  matchers: readonly Matcher[],
  signal?: AbortSignal,
): Promise<SilencePreview> {
  const decode: Decoder<SilencePreview> = (value, path) => {
    const body = fields(value, path)
    return {
      count: number(body.count, `${path}.count`),
      alerts: list((entry, at) => {
        const alert = fields(entry, at)
        return {
          fingerprint: text(alert.fingerprint, `${at}.fingerprint`),
          labels: labelsDecoder(alert.labels, `${at}.labels`),
        }
      })(body.alerts, `${path}.alerts`),
    }
  }
  const options = { ...bare, json: { matchers } }
  return (await request('/api/v1/silences/preview', {}, decode, signal, options)).data
}

export const matcherDecoder = matcher
export const momentDecoder = moment
export const flagDecoder = flag
export const textsDecoder = texts
export const groupLabelsDecoder = dictionary(text)
