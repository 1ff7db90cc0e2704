import { fields, items, list, number, optional, text, type Decoder } from './decode'
import { request } from './http'
import { anyValue, pairs, rangeParams, type TraceRange } from './traces'
import type { Labels, RangeSeries } from './types'
import { literal } from '@/lib/traceql/filter'
import { withStage } from '@/lib/traceql/tokens'

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

/** How often a value of an attribute comes among the spans of a group. */
export interface ComparedValue {
  readonly group: 'baseline' | 'selection'
  readonly field: string
  readonly value: string
  /** The value as a query writes it; null of one that it cannot write. */
  readonly literal: string | null
  readonly count: number
}

export interface ComparedSpans {
  readonly values: readonly ComparedValue[]
  /** Spans of each group that have an attribute at all. */
  readonly totals: readonly Omit<ComparedValue, 'value' | 'literal'>[]
  /** Attributes with more values than are told, and how many they have. */
  readonly tooMany: ReadonlyMap<string, number>
}

const keywordFields = new Set(['kind', 'status'])

function literalIn(field: string, value: unknown, path: string): string | null {
  const body = fields(value, path)
  if (typeof body.stringValue === 'string')
    return keywordFields.has(field) ? body.stringValue : literal(body.stringValue)
  const plain = body.intValue ?? body.doubleValue ?? body.boolValue
  return typeof plain === 'string' || typeof plain === 'number' || typeof plain === 'boolean'
    ? String(plain)
    : null
}

const compared: Decoder<ComparedSpans> = (value, path) => {
  const values: ComparedValue[] = []
  const totals: Omit<ComparedValue, 'value' | 'literal'>[] = []
  const tooMany = new Map<string, number>()
  for (const [place, entry] of items(fields(value, path).series, `${path}.series`).entries()) {
    const at = `${path}.series[${place}]`
    const body = fields(entry, at)
    const labels = items(body.labels, `${at}.labels`).map((label) => fields(label, `${at}.labels`))
    const told = labels.find(({ key }) => key === '__meta_type')
    const attribute = labels.find(({ key }) => typeof key === 'string' && !key.startsWith('__meta_'))
    if (attribute === undefined) continue
    const field = text(attribute.key, `${at}.labels.key`)
    const count = sample(body.value)
    const type = told === undefined ? '__error' : anyValue(told.value, `${at}.labels`)
    if (type === 'baseline_total') totals.push({ group: 'baseline', field, count })
    else if (type === 'selection_total') totals.push({ group: 'selection', field, count })
    else if (type === 'baseline' || type === 'selection') {
      const written = literalIn(field, attribute.value, at)
      values.push({ group: type, field, value: anyValue(attribute.value, at), literal: written, count })
    } else tooMany.set(field, count)
  }
  return { values, totals, tooMany }
}

/** Values per attribute that are told. */
const comparedMax = 10

/** The spans of a query that meet a filter beside those that do not: how often each value of each attribute comes. */
export async function compareSpans(
  query: string,
  selection: string,
  range: TraceRange,
  signal?: AbortSignal,
): Promise<ComparedSpans> {
  const params = { q: withStage(query, `compare(${selection}, ${comparedMax})`), ...rangeParams(range) }
  return (await request('/tempo/api/metrics/query', params, compared, signal, { bare: true })).data
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
