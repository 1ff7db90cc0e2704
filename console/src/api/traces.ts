import { dictionary, fields, list, number, optional, text, type Decoder } from './decode'
import { request } from './http'
import type { Answer, Labels } from './types'
import { nanosOf } from '@/lib/nanos'

/** A range of time, in milliseconds since the epoch. */
export interface TraceRange {
  readonly from: number
  readonly to: number
}

export const spanKinds = ['server', 'client', 'internal', 'producer', 'consumer'] as const
export const spanStatuses = ['error', 'ok', 'unset'] as const
export type SpanStatus = (typeof spanStatuses)[number]

/** The parameters that every question about a range has. */
export const rangeParams = ({ from, to }: TraceRange) => ({ start: nanosOf(from), end: nanosOf(to) })

/** Milliseconds with their fraction; a double holds microseconds of this century. */
const msOfNanos = (ns: string): number => Number(BigInt(ns) / 1000n) / 1000

/** A value in the JSON of OTLP, as text. */
export function anyValue(value: unknown, path: string): string {
  const body = fields(value, path)
  for (const name of ['stringValue', 'intValue', 'doubleValue', 'boolValue']) {
    const found = body[name]
    if (typeof found === 'string' || typeof found === 'number' || typeof found === 'boolean')
      return String(found)
  }
  return JSON.stringify(value)
}

/** A list of attributes in the JSON of OTLP, their values as text. */
export const pairs: Decoder<Labels> = (value, path) =>
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
