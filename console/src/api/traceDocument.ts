import { DecodeError, fields, list, number, optional, text, type Decoder, type Fields } from './decode'
import { request } from './http'

export interface SpanEvent {
  /** Nanoseconds after the start of the trace. */
  readonly offset: number
  readonly name: string
  readonly attributes: Fields
}

export interface SpanLink {
  readonly traceId: string
  readonly spanId: string
  readonly attributes: Fields
}

export interface TraceSpan {
  /** An id that no other span of the trace has. */
  readonly id: string
  readonly spanId: string
  /** The place of its parent in the list; -1 of a root. */
  readonly parent: number
  readonly parentSpanId: string
  readonly name: string
  readonly service: string
  readonly kind: string
  readonly status: string
  readonly statusMessage: string
  /** Nanoseconds after the start of the trace. */
  readonly offset: number
  readonly duration: number
  /** What is odd about it, in the server's words. */
  readonly warnings: readonly string[]
  /** Nanoseconds that its clock seems to be off. */
  readonly skew: number
  readonly scope: string
  readonly attributes: Fields
  readonly resource: Fields
  readonly events: readonly SpanEvent[]
  readonly links: readonly SpanLink[]
}

export interface TraceDocument {
  readonly traceId: string
  /** Earlier uses of the same id, which are not shown. */
  readonly earlier: number
  readonly truncated: boolean
  /** Nanoseconds since the epoch. */
  readonly start: string
  readonly duration: number
  readonly spans: readonly TraceSpan[]
}

const none: readonly never[] = []

/** Traces have a hundred thousand spans: where a field is wrong is worked out only when one is. */
function spanOf(value: unknown, place: number, origin: bigint): TraceSpan {
  const at = (name: string) => `data.spans[${place}].${name}`
  const body = fields(value, at(''))
  const word = (name: string): string => {
    const found = body[name]
    if (typeof found !== 'string') throw new DecodeError(at(name), 'a string', found)
    return found
  }
  const part = (name: string): Fields => (body[name] === undefined ? {} : fields(body[name], at(name)))
  const offsetOf = (ns: unknown, name: string) => Number(BigInt(text(ns, at(name))) - origin)
  const events = body.events as readonly unknown[] | undefined
  const links = body.links as readonly unknown[] | undefined
  const scope = body.scope === undefined ? null : part('scope')
  return {
    id: word('id'),
    spanId: word('spanID'),
    parent: body.parent === undefined ? -1 : number(body.parent, at('parent')),
    parentSpanId: body.parentSpanID === undefined ? '' : word('parentSpanID'),
    name: word('name'),
    service: word('service'),
    kind: word('kind'),
    status: word('status'),
    statusMessage: body.statusMessage === undefined ? '' : word('statusMessage'),
    offset: offsetOf(body.start, 'start'),
    duration: number(body.duration, at('duration')),
    warnings: body.warnings === undefined ? none : list(text)(body.warnings, at('warnings')),
    skew: body.skew === undefined ? 0 : number(body.skew, at('skew')),
    scope:
      scope === null
        ? ''
        : [
            optional(text, '')(scope.name, at('scope.name')),
            optional(text, '')(scope.version, at('scope.version')),
          ]
            .filter((word) => word !== '')
            .join(' '),
    attributes: part('attributes'),
    resource: part('resource'),
    events:
      events === undefined || events.length === 0
        ? none
        : list((entry, of) => {
            const event = fields(entry, of)
            return {
              offset: offsetOf(event.time, 'events.time'),
              name: text(event.name, `${of}.name`),
              attributes: optional(fields, {})(event.attributes, `${of}.attributes`),
            }
          })(events, at('events')),
    links:
      links === undefined || links.length === 0
        ? none
        : list((entry, of) => {
            const link = fields(entry, of)
            return {
              traceId: text(link.traceID, `${of}.traceID`),
              spanId: text(link.spanID, `${of}.spanID`),
              attributes: optional(fields, {})(link.attributes, `${of}.attributes`),
            }
          })(links, at('links')),
  }
}

export const traceDocument: Decoder<TraceDocument> = (value, path) => {
  const body = fields(value, path)
  const start = text(body.start, `${path}.start`)
  const origin = BigInt(start)
  return {
    traceId: text(body.traceID, `${path}.traceID`),
    earlier: optional(number, 0)(body.earlierOccasions, `${path}.earlierOccasions`),
    truncated: body.truncated === true,
    start,
    duration: number(body.duration, `${path}.duration`),
    spans: (body.spans as readonly unknown[]).map((entry, place) => spanOf(entry, place, origin)),
  }
}

/** A trace, of all retention. */
export async function traceById(id: string, signal?: AbortSignal): Promise<TraceDocument> {
  return (await request(`/api/v1/traces/${encodeURIComponent(id)}`, {}, traceDocument, signal)).data
}
