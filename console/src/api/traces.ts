import {
  DecodeError,
  dictionary,
  fields,
  list,
  number,
  optional,
  text,
  type Decoder,
  type Fields,
} from './decode'
import { request } from './http'
import type { Answer, Labels, RangeSeries } from './types'
import { nanosOf } from '@/lib/nanos'

/** A range of time, in milliseconds since the epoch. */
export interface TraceRange {
  readonly from: number
  readonly to: number
}

export const spanKinds = ['server', 'client', 'internal', 'producer', 'consumer'] as const
export const spanStatuses = ['error', 'ok', 'unset'] as const
export type SpanStatus = (typeof spanStatuses)[number]

const rangeParams = ({ from, to }: TraceRange) => ({ start: nanosOf(from), end: nanosOf(to) })

/** Milliseconds with their fraction; a double holds microseconds of this century. */
const msOfNanos = (ns: string): number => Number(BigInt(ns) / 1000n) / 1000

/** A value in the JSON of OTLP, as text. */
function anyValue(value: unknown, path: string): string {
  const body = fields(value, path)
  for (const name of ['stringValue', 'intValue', 'doubleValue', 'boolValue']) {
    const found = body[name]
    if (typeof found === 'string' || typeof found === 'number' || typeof found === 'boolean')
      return String(found)
  }
  return JSON.stringify(value)
}

const pairs: Decoder<Labels> = (value, path) =>
  Object.fromEntries(
    list((entry, at) => {
      const body = fields(entry, at)
      return [text(body.key, `${at}.key`), anyValue(body.value, `${at}.value`)] as const
    })(value, path),
  )

/** A span that a search looked for. */
export interface FoundSpan {
  readonly spanId: string
  readonly name: string
  readonly service: string
  readonly kind: string
  readonly failed: boolean
  readonly startMs: number
  readonly durationMs: number
}

const foundSpan: Decoder<FoundSpan> = (value, path) => {
  const body = fields(value, path)
  const known = optional(pairs, {})(body.attributes, `${path}.attributes`)
  return {
    spanId: text(body.spanID, `${path}.spanID`),
    name: optional(text, '')(body.name, `${path}.name`),
    service: known['service.name'] ?? '',
    kind: known.kind ?? '',
    failed: known.status === 'error',
    startMs: msOfNanos(text(body.startTimeUnixNano, `${path}.startTimeUnixNano`)),
    durationMs: Number(text(body.durationNanos, `${path}.durationNanos`)) / 1e6,
  }
}

export interface ServiceShare {
  readonly name: string
  readonly spans: number
  readonly errors: number
}

/** A trace in a line of a list, with those of its spans that were looked for. */
export interface FoundTrace {
  readonly traceId: string
  /** null while the root has not come. */
  readonly rootService: string | null
  readonly rootName: string | null
  readonly startMs: number
  readonly durationMs: number
  readonly spans: number
  readonly errors: number
  readonly services: readonly ServiceShare[]
  readonly found: readonly FoundSpan[]
  /** Spans that were looked for, beyond those given. */
  readonly matched: number
}

const noRoot = '<root span not yet received>'

const foundTrace: Decoder<FoundTrace> = (value, path) => {
  const body = fields(value, path)
  const sets = optional(
    list((entry, at) => {
      const set = fields(entry, at)
      return {
        spans: optional(list(foundSpan), [])(set.spans, `${at}.spans`),
        matched: optional(number, 0)(set.matched, `${at}.matched`),
      }
    }),
    [],
  )(body.spanSets, `${path}.spanSets`)
  const shares = optional(dictionary(fields), {})(body.serviceStats, `${path}.serviceStats`)
  const services = Object.entries(shares).map(([name, share]) => ({
    name,
    spans: optional(number, 0)(share.spanCount, `${path}.serviceStats.spanCount`),
    errors: optional(number, 0)(share.errorCount, `${path}.serviceStats.errorCount`),
  }))
  const seen = new Set<string>()
  const found = sets.flatMap((set) => set.spans).filter(({ spanId }) => !seen.has(spanId) && seen.add(spanId))
  const rootName = optional(text, noRoot)(body.rootTraceName, `${path}.rootTraceName`)
  const rootService = optional(text, noRoot)(body.rootServiceName, `${path}.rootServiceName`)
  const durationMs = optional(number, 0)(body.durationMs, `${path}.durationMs`)
  return {
    traceId: text(body.traceID, `${path}.traceID`),
    rootService: rootService === noRoot ? null : rootService,
    rootName: rootName === noRoot ? null : rootName,
    startMs: msOfNanos(text(body.startTimeUnixNano, `${path}.startTimeUnixNano`)),
    // Whole milliseconds are too coarse for the quickest; a trace is no shorter than its spans.
    durationMs: Math.max(
      durationMs,
      ...found.filter((s) => s.durationMs < durationMs + 1).map((s) => s.durationMs),
    ),
    spans: services.reduce((sum, { spans }) => sum + spans, 0),
    errors: services.reduce((sum, { errors }) => sum + errors, 0),
    services: services.sort((a, b) => b.spans - a.spans || a.name.localeCompare(b.name)),
    found,
    matched: sets.reduce((sum, { matched }) => sum + matched, 0),
  }
}

const foundTraces: Decoder<FoundTrace[]> = (value, path) =>
  optional(list(foundTrace), [])(fields(value, path).traces, `${path}.traces`)

export interface TraceSearch extends TraceRange {
  readonly query: string
  /** Traces at most. */
  readonly limit: number
  /** Spans of a set at most. */
  readonly spans: number
}

/** The latest traces with spans that a query of TraceQL looks for. */
export function searchTraces(asked: TraceSearch, signal?: AbortSignal): Promise<Answer<FoundTrace[]>> {
  const { query, limit, spans } = asked
  const params = { q: query, limit, spss: spans, ...rangeParams(asked) }
  return request('/tempo/api/search', params, foundTraces, signal, { bare: true })
}

const sample = (value: unknown): number => (typeof value === 'number' ? value : Number(value))

export interface TraceNumber {
  readonly labels: Labels
  readonly value: number
}

const instantSeries: Decoder<TraceNumber[]> = (value, path) =>
  list((entry, at) => {
    const body = fields(entry, at)
    return { labels: pairs(body.labels, `${at}.labels`), value: sample(body.value) }
  })(fields(value, path).series, `${path}.series`)

/** A metrics query of TraceQL: one number per label set for the whole of a range. */
export async function traceNumbers(
  query: string,
  range: TraceRange,
  signal?: AbortSignal,
): Promise<TraceNumber[]> {
  const params = { q: query, ...rangeParams(range) }
  return (await request('/tempo/api/metrics/query', params, instantSeries, signal, { bare: true })).data
}

const rangeSeries: Decoder<RangeSeries[]> = (value, path) =>
  list((entry, at): RangeSeries => {
    const body = fields(entry, at)
    const points = list((point, of) => {
      const sampled = fields(point, of)
      return [Number(text(sampled.timestampMs, `${of}.timestampMs`)), sample(sampled.value)] as const
    })(body.samples, `${at}.samples`)
    return {
      metric: pairs(body.labels, `${at}.labels`),
      times: points.map(([time]) => time),
      values: points.map(([, number]) => (Number.isFinite(number) ? number : null)),
      histograms: [],
    }
  })(fields(value, path).series, `${path}.series`)

/** As `traceNumbers`, over time. */
export async function traceMatrix(
  query: string,
  range: TraceRange,
  stepMs: number,
  signal?: AbortSignal,
): Promise<RangeSeries[]> {
  const params = { q: query, step: `${stepMs}ms`, exemplars: 'false', ...rangeParams(range) }
  return (await request('/tempo/api/metrics/query_range', params, rangeSeries, signal, { bare: true })).data
}

export interface AttributeScope {
  readonly name: string
  readonly attributes: readonly string[]
}

const scopes: Decoder<AttributeScope[]> = (value, path) =>
  list((entry, at) => {
    const body = fields(entry, at)
    return {
      name: text(body.name, `${at}.name`),
      attributes: optional(list(text), [])(body.tags, `${at}.tags`),
    }
  })(fields(value, path).scopes, `${path}.scopes`)

/** Names of attributes of spans that meet a filter, which may be unfinished. */
export async function traceAttributes(
  filter: string,
  range: TraceRange,
  signal?: AbortSignal,
): Promise<AttributeScope[]> {
  const params = { q: filter, ...rangeParams(range) }
  return (await request('/tempo/api/v2/search/tags', params, scopes, signal, { bare: true })).data
}

export interface AttributeValue {
  /** `string`, `int`, `float`, `bool`, `duration` or `keyword`. */
  readonly type: string
  readonly value: string
}

const values: Decoder<AttributeValue[]> = (value, path) =>
  list((entry, at) => {
    const body = fields(entry, at)
    return { type: text(body.type, `${at}.type`), value: text(body.value, `${at}.value`) }
  })(fields(value, path).tagValues, `${path}.tagValues`)

/** Values of an attribute, named as in a query, of spans that meet a filter. */
export async function traceValues(
  field: string,
  filter: string,
  range: TraceRange,
  signal?: AbortSignal,
): Promise<AttributeValue[]> {
  const path = `/tempo/api/v2/search/tag/${encodeURIComponent(field)}/values`
  const params = { q: filter, limit: 200, ...rangeParams(range) }
  return (await request(path, params, values, signal, { bare: true })).data
}

export async function traceServices(range: TraceRange, signal?: AbortSignal): Promise<string[]> {
  return (await request('/api/v1/traces/services', rangeParams(range), list(text), signal)).data
}

const operations: Decoder<string[]> = (value, path) => [
  ...new Set(list((entry, at) => text(fields(entry, at).name, `${at}.name`))(value, path)),
]

export async function traceOperations(
  service: string,
  range: TraceRange,
  signal?: AbortSignal,
): Promise<string[]> {
  const params = { service, ...rangeParams(range) }
  return (await request('/api/v1/traces/services', params, operations, signal)).data
}

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

/** Calls between two services over a range. */
export interface ServiceCall {
  readonly client: string
  readonly server: string
  /** Empty, `database`, `messaging_system` or `virtual_node`. */
  readonly connection: string
  readonly requests: number
  readonly failed: number
  /** Quantiles of the durations in seconds; null where they are not known. */
  readonly p50: number | null
  readonly p95: number | null
  readonly p99: number | null
}

export interface ServiceGraph {
  readonly seconds: number
  readonly calls: readonly ServiceCall[]
}

const graph: Decoder<ServiceGraph> = (value, path) => {
  const body = fields(value, path)
  return {
    seconds: number(body.seconds, `${path}.seconds`),
    calls: list((entry, at): ServiceCall => {
      const edge = fields(entry, at)
      const quantile = (name: string) => optional<number | null>(number, null)(edge[name], `${at}.${name}`)
      return {
        client: text(edge.client, `${at}.client`),
        server: text(edge.server, `${at}.server`),
        connection: optional(text, '')(edge.connection, `${at}.connection`),
        requests: number(edge.requests, `${at}.requests`),
        failed: number(edge.failed, `${at}.failed`),
        p50: quantile('p50'),
        p95: quantile('p95'),
        p99: quantile('p99'),
      }
    })(body.edges, `${path}.edges`),
  }
}

export async function serviceGraph(range: TraceRange, signal?: AbortSignal): Promise<ServiceGraph> {
  return (await request('/api/v1/traces/graph', rangeParams(range), graph, signal)).data
}
