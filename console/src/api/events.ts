import { fields, list, optional, text, type Decoder } from './decode'
import { request } from './http'
import type { Answer } from './types'

/** Something that happened: a deploy, a restart, an alert. */
export interface ServerEvent {
  /** Unix milliseconds. */
  readonly time: number
  /** Where it took a while. */
  readonly end: number | null
  readonly kind: string
  readonly title: string
  readonly severity: string
  readonly result: string
  readonly service: string
  readonly host: string
}

/** Nanoseconds as text; a mark on a chart is not finer than a millisecond. */
const milliseconds: Decoder<number> = (value, path) => Math.floor(Number(text(value, path)) / 1e6)

const attributeText = (value: unknown): string => (typeof value === 'string' ? value : '')

const event: Decoder<ServerEvent> = (value, path) => {
  const body = fields(value, path)
  const attributes = optional(fields, {})(body.attributes, `${path}.attributes`)
  return {
    time: milliseconds(body.time, `${path}.time`),
    end: body.end === undefined ? null : milliseconds(body.end, `${path}.end`),
    kind: text(body.kind, `${path}.kind`),
    title: text(body.title, `${path}.title`),
    severity: optional(text, '')(body.severity, `${path}.severity`),
    result: optional(text, '')(body.result, `${path}.result`),
    service: attributeText(attributes['service.name']),
    host: attributeText(attributes['host.name']),
  }
}

const events: Decoder<readonly ServerEvent[]> = (value, path) =>
  list(event)(fields(value, path).events, `${path}.events`)

/** The newest events of a range, in Unix milliseconds. */
export function fetchEvents(
  from: number,
  to: number,
  limit: number,
  signal?: AbortSignal,
  conditions: Readonly<Record<string, readonly string[]>> = {},
): Promise<Answer<readonly ServerEvent[]>> {
  const ns = (ms: number) => `${Math.floor(ms)}000000`
  return request('/api/v1/events', { ...conditions, start: ns(from), end: ns(to), limit }, events, signal)
}
