import { fields, list, number, optional, sampleNumber, text, type Decoder } from './decode'
import { labelsDecoder, request } from './http'
import type { RuleLanguage } from './alerting'
import type { Labels } from './types'

/** An alerting rule as it stands in a file. */
export interface RuleText {
  /** What the expression is written in; of a file it is that of the group. */
  readonly language: RuleLanguage
  /** In TraceQL how far back spans count; as the server has it if empty. */
  readonly range: string
  readonly alert: string
  readonly expr: string
  readonly for: string
  readonly keep_firing_for: string
  readonly labels: Labels
  readonly annotations: Labels
}

export interface TrialSpan {
  /** Milliseconds since the epoch. */
  readonly start: number
  readonly end: number
  readonly stepMs: number
}

export interface TriedAlert {
  readonly labels: Labels
  readonly annotations: Labels
  readonly state: 'pending' | 'firing'
  readonly activeAt: number
  readonly value: number
}

export type StretchState = 'pending' | 'firing' | 'recovering'

/** A part of an alert's life, in milliseconds since the epoch. */
export interface Stretch {
  readonly state: StretchState
  readonly from: number
  readonly until: number
}

export interface AlertHistory {
  readonly labels: Labels
  readonly stretches: readonly Stretch[]
}

export interface RuleTrial {
  readonly start: number
  readonly end: number
  readonly stepMs: number
  readonly steps: number
  readonly alertCount: number
  readonly alerts: readonly TriedAlert[]
  /** How often an alert would have begun to fire. */
  readonly fired: number
  readonly historyCount: number
  readonly histories: readonly AlertHistory[]
  readonly errorCount: number
  readonly errors: readonly { readonly at: number; readonly error: string }[]
}

const inMs: Decoder<number> = (value, path) => Math.round(number(value, path) * 1000)

const alert: Decoder<TriedAlert> = (value, path) => {
  const body = fields(value, path)
  return {
    labels: labelsDecoder(body.labels, `${path}.labels`),
    annotations: optional(labelsDecoder, {})(body.annotations, `${path}.annotations`),
    state: body.state === 'firing' ? 'firing' : 'pending',
    activeAt: Date.parse(text(body.activeAt, `${path}.activeAt`)),
    value: sampleNumber(text(body.value, `${path}.value`)),
  }
}

const stretch: Decoder<Stretch> = (value, path) => {
  const body = fields(value, path)
  const state = text(body.state, `${path}.state`)
  return {
    state: state === 'firing' || state === 'recovering' ? state : 'pending',
    from: inMs(body.from, `${path}.from`),
    until: inMs(body.until, `${path}.until`),
  }
}

const history: Decoder<AlertHistory> = (value, path) => {
  const body = fields(value, path)
  return {
    labels: labelsDecoder(body.labels, `${path}.labels`),
    stretches: list(stretch)(body.stretches, `${path}.stretches`),
  }
}

const trial: Decoder<RuleTrial> = (value, path) => {
  const body = fields(value, path)
  const count = (name: string) => number(body[name], `${path}.${name}`)
  return {
    start: inMs(body.start, `${path}.start`),
    end: inMs(body.end, `${path}.end`),
    stepMs: inMs(body.step, `${path}.step`),
    steps: count('steps'),
    alertCount: count('alertCount'),
    alerts: list(alert)(body.alerts, `${path}.alerts`),
    fired: count('fired'),
    historyCount: count('historyCount'),
    histories: list(history)(body.histories, `${path}.histories`),
    errorCount: count('errorCount'),
    errors: list((entry, at) => {
      const error = fields(entry, at)
      return { at: inMs(error.at, `${at}.at`), error: text(error.error, `${at}.error`) }
    })(body.errors, `${path}.errors`),
  }
}

/** What a rule would do: the alerts it gives now, and when they would have fired. Nothing is stored, nobody is told. */
export async function tryRule(rule: RuleText, span: TrialSpan, signal?: AbortSignal): Promise<RuleTrial> {
  const { language, range, ...text } = rule
  const group = { language, ...(language === 'traceql' && range.trim() !== '' && { range: range.trim() }) }
  const json = { ...text, ...group, start: span.start / 1000, end: span.end / 1000, step: span.stepMs / 1000 }
  return (await request('/api/v1/rules/try', {}, trial, signal, { json })).data
}
