import { fields, list, number, optional, text, type Decoder } from './decode'
import { request } from './http'

/** How to ask for a signal of an entity, and how much there is of it in the range. */
export interface SignalWay {
  readonly selector: string
  /** Null where the server does not say. */
  readonly amount: number | null
}

export interface Correlated {
  readonly entity: { readonly type: string; readonly id: string } | null
  readonly metrics: readonly SignalWay[]
  readonly logs: readonly SignalWay[]
  readonly traces: readonly SignalWay[]
  readonly events: readonly SignalWay[]
}

const way: Decoder<SignalWay> = (value, path) => {
  const body = fields(value, path)
  const amount = body.series ?? body.records ?? body.spans
  return {
    selector: text(body.selector, `${path}.selector`),
    amount: optional<number | null>(number, null)(amount, path),
  }
}

const correlated: Decoder<Correlated> = (value, path) => {
  const body = fields(value, path)
  const signals = optional(fields, {})(body.signals, `${path}.signals`)
  const entity = optional<Readonly<Record<string, unknown>> | null>(fields, null)(body.entity, path)
  const ways = (name: string) => optional(list(way), [])(signals[name], `${path}.signals.${name}`)
  return {
    entity:
      entity === null
        ? null
        : { type: text(entity.type, `${path}.entity.type`), id: text(entity.id, `${path}.entity.id`) },
    metrics: ways('metrics'),
    logs: ways('logs'),
    traces: ways('traces'),
    events: ways('events'),
  }
}

/** The entity that labels name, and its signals in a range of Unix milliseconds. */
export async function correlate(
  labels: Readonly<Record<string, string>>,
  range: { readonly from: number; readonly to: number },
  signal?: AbortSignal,
): Promise<Correlated> {
  const label = Object.entries(labels).map(([name, value]) => `${name}:${value}`)
  const params = { label, start: range.from / 1000, end: range.to / 1000 }
  return (await request('/api/v1/correlate', params, correlated, signal)).data
}
