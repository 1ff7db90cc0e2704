import { dictionary, fields, list, number, optional, text, type Decoder } from './decode'
import { request } from './http'

export const objectiveStates = ['exhausted', 'burning', 'noData', 'ok'] as const
export type ObjectiveState = (typeof objectiveStates)[number]

/** An alert about how fast the budget burns: over a long and a short window at once. */
export interface BurnAlert {
  readonly name: string
  readonly severity: string
  readonly long: string
  readonly short: string
  /** Times the rate that would use up the budget in just its window. */
  readonly factor: number
  readonly state: 'inactive' | 'pending' | 'firing'
}

/** What a service is to achieve, and how it stands. */
export interface Objective {
  readonly name: string
  readonly service: string
  readonly description: string
  /** The share that is to be good, from 0 to 1. */
  readonly target: number
  /** Over which time, as it is written: `30d`. */
  readonly window: string
  readonly sli: { readonly kind: string; readonly good: string; readonly total: string }
  /** The share that was good over the window. */
  readonly current: number | null
  /** The share of the error budget that is left; below zero once more than all of it is gone. */
  readonly budgetRemaining: number | null
  /** By window, times the rate that would use up the budget in just its window. */
  readonly burnRates: Readonly<Record<string, number | null>>
  readonly state: ObjectiveState
  readonly alerts: readonly BurnAlert[]
  /** When the budget ends at the present rate, milliseconds since the epoch. */
  readonly exhaustedAt: number | null
  readonly group: string
}

/** One objective, with the rules that come of it. */
export interface ObjectiveDetail extends Objective {
  /** YAML of the rules that are generated. */
  readonly rules: string
  readonly queries: {
    /** With `$window` for a window. */
    readonly errorRatio: string
    readonly budget: string
  }
}

const maybeNumber = optional<number | null>(number, null)

const alert: Decoder<BurnAlert> = (value, path) => {
  const body = fields(value, path)
  return {
    name: text(body.name, `${path}.name`),
    severity: text(body.severity, `${path}.severity`),
    long: text(body.long, `${path}.long`),
    short: text(body.short, `${path}.short`),
    factor: number(body.factor, `${path}.factor`),
    state: body.state === 'firing' || body.state === 'pending' ? body.state : 'inactive',
  }
}

export const objectiveDecoder: Decoder<Objective> = (value, path) => {
  const body = fields(value, path)
  const sli = fields(body.sli, `${path}.sli`)
  const ends = optional<string | null>(text, null)(body.exhaustedAt, `${path}.exhaustedAt`)
  return {
    name: text(body.name, `${path}.name`),
    service: optional(text, '')(body.service, `${path}.service`),
    description: optional(text, '')(body.description, `${path}.description`),
    target: number(body.target, `${path}.target`),
    window: text(body.window, `${path}.window`),
    sli: {
      kind: text(sli.kind, `${path}.sli.kind`),
      good: optional(text, '')(sli.good, `${path}.sli.good`),
      total: optional(text, '')(sli.total, `${path}.sli.total`),
    },
    current: maybeNumber(body.current, `${path}.current`),
    budgetRemaining: maybeNumber(body.budgetRemaining, `${path}.budgetRemaining`),
    burnRates: optional(dictionary(maybeNumber), {})(body.burnRates, `${path}.burnRates`),
    state: objectiveStates.find((state) => state === body.state) ?? 'noData',
    alerts: optional(list(alert), [])(body.alerts, `${path}.alerts`),
    exhaustedAt: ends === null || Number.isNaN(Date.parse(ends)) ? null : Date.parse(ends),
    group: optional(text, '')(body.group, `${path}.group`),
  }
}

export const objectiveDetailDecoder: Decoder<ObjectiveDetail> = (value, path) => {
  const body = fields(value, path)
  const queries = fields(body.queries, `${path}.queries`)
  return {
    ...objectiveDecoder(value, path),
    rules: text(body.rules, `${path}.rules`),
    queries: {
      errorRatio: text(queries.errorRatio, `${path}.queries.errorRatio`),
      budget: text(queries.budget, `${path}.queries.budget`),
    },
  }
}

export async function objectives(signal?: AbortSignal): Promise<Objective[]> {
  const decode: Decoder<Objective[]> = (value, path) =>
    list(objectiveDecoder)(fields(value, path).objectives, `${path}.objectives`)
  return (await request('/api/v1/objectives', {}, decode, signal)).data
}

export async function objective(name: string, signal?: AbortSignal): Promise<ObjectiveDetail> {
  return (await request(`/api/v1/objectives/${encodeURIComponent(name)}`, {}, objectiveDetailDecoder, signal))
    .data
}

/** How an objective would stand, by what is stored now. Nothing is stored, and nobody is told. */
export async function tryObjective(yaml: string, signal?: AbortSignal): Promise<ObjectiveDetail> {
  const body = { text: yaml, type: 'application/yaml' }
  return (await request('/api/v1/objectives/try', {}, objectiveDetailDecoder, signal, { body })).data
}
