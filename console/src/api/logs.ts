import { DecodeError, fields, items, list, number, optional, text, type Decoder } from './decode'
import { encodeParams, labelsDecoder, request } from './http'
import { matrix, queryAnswer, vector } from './query'
import type { Answer, InstantSample, QueryAnswer, RangeSeries } from './types'
import type { RawLine, RawStream } from '@/lib/logLine'
import { nanosOf, type Nanos } from '@/lib/nanos'

/** Asks for the labels of lines apart from those of their stream. */
const apart = { 'X-Loki-Response-Encoding-Flags': 'categorize-labels' }

const rawLine: Decoder<RawLine> = (value, path) => {
  const [ns, line, labels] = items(value, path)
  const more = optional(fields, {})(labels, `${path}[2]`)
  return {
    ns: text(ns, `${path}[0]`),
    text: text(line, `${path}[1]`),
    structured: optional(labelsDecoder, {})(more.structuredMetadata, `${path}[2].structuredMetadata`),
    parsed: optional(labelsDecoder, {})(more.parsed, `${path}[2].parsed`),
  }
}

const rawStream: Decoder<RawStream> = (value, path) => {
  const body = fields(value, path)
  return {
    labels: labelsDecoder(body.stream, `${path}.stream`),
    lines: list(rawLine)(body.values, `${path}.values`),
  }
}

/** What it cost the server to answer. */
export interface LogStats {
  readonly lines: number
  readonly bytes: number
  readonly execSeconds: number
  readonly queueSeconds: number
}

const logStats: Decoder<LogStats> = (value, path) => {
  const summary = optional(fields, {})(optional(fields, {})(value, path).summary, `${path}.summary`)
  const figure = (name: string) => optional(number, 0)(summary[name], `${path}.summary.${name}`)
  return {
    lines: figure('totalLinesProcessed'),
    bytes: figure('totalBytesProcessed'),
    execSeconds: figure('execTime'),
    queueSeconds: figure('queueTime'),
  }
}

export interface LinesAnswer {
  readonly streams: readonly RawStream[]
  readonly stats: LogStats
}

const linesAnswer: Decoder<LinesAnswer> = (value, path) => {
  const body = fields(value, path)
  const type = text(body.resultType, `${path}.resultType`)
  if (type !== 'streams') throw new DecodeError(`${path}.resultType`, 'streams', type)
  return {
    streams: list(rawStream)(body.result, `${path}.result`),
    stats: logStats(body.stats, `${path}.stats`),
  }
}

export interface LinesRequest {
  readonly query: string
  /** The range is half-open: the end is not part of it. */
  readonly start: Nanos
  readonly end: Nanos
  readonly limit: number
  readonly direction: 'backward' | 'forward'
}

export function queryLines(asked: LinesRequest, signal?: AbortSignal): Promise<Answer<LinesAnswer>> {
  return request('/loki/api/v1/query_range', { ...asked }, linesAnswer, signal, { headers: apart })
}

export interface LogRangeRequest {
  readonly query: string
  /** Milliseconds since the epoch. */
  readonly start: number
  readonly end: number
  readonly stepMs: number
}

const rangeParams = ({ query, start, end, stepMs }: LogRangeRequest) => ({
  query,
  start: nanosOf(start),
  end: nanosOf(end),
  step: stepMs / 1000,
})

/** A metric query over lines, for a chart. */
export async function logMatrix(
  asked: LogRangeRequest,
  signal?: AbortSignal,
): Promise<readonly RangeSeries[]> {
  return (await request('/loki/api/v1/query_range', rangeParams(asked), matrix, signal)).data
}

/** As `logMatrix`, with everything the exchange told. */
export function logRange(asked: LogRangeRequest, signal?: AbortSignal): Promise<Answer<QueryAnswer>> {
  return request('/loki/api/v1/query_range', rangeParams(asked), queryAnswer, signal)
}

/** A metric query over lines, at one moment. */
export async function logVector(
  query: string,
  timeMs: number,
  signal?: AbortSignal,
): Promise<readonly InstantSample[]> {
  const params = { query, time: nanosOf(timeMs) }
  return (await request('/loki/api/v1/query', params, vector, signal)).data
}

/** A range of time for questions about what there is, in milliseconds since the epoch. */
export interface Span {
  readonly from: number
  readonly to: number
}

const spanParams = ({ from, to }: Span) => ({ start: nanosOf(from), end: nanosOf(to) })

const texts = list(text)

export async function logLabels(
  query: string | undefined,
  span: Span,
  signal?: AbortSignal,
): Promise<string[]> {
  return (await request('/loki/api/v1/labels', { query, ...spanParams(span) }, texts, signal)).data
}

export async function logLabelValues(
  name: string,
  query: string | undefined,
  span: Span,
  signal?: AbortSignal,
): Promise<string[]> {
  const path = `/loki/api/v1/label/${encodeURIComponent(name)}/values`
  return (await request(path, { query, ...spanParams(span) }, texts, signal)).data
}

export interface DetectedField {
  readonly name: string
  readonly type: string
  readonly cardinality: number
}

const detectedField =
  (nameField: string): Decoder<DetectedField & { readonly parsed: boolean }> =>
  (entry, at) => {
    const body = fields(entry, at)
    return {
      name: text(body[nameField], `${at}.${nameField}`),
      type: optional(text, 'string')(body.type, `${at}.type`),
      cardinality: optional(number, 0)(body.cardinality, `${at}.cardinality`),
      parsed: optional(list(text), [])(body.parsers, `${at}.parsers`).length > 0,
    }
  }

const detected =
  (field: string, nameField: string): Decoder<DetectedField[]> =>
  (value, path) =>
    optional(list(detectedField(nameField)), [])(fields(value, path)[field], `${path}.${field}`)
      .filter((found) => !found.parsed)
      .map(({ name, type, cardinality }) => ({ name, type, cardinality }))

/** Labels of the streams of a selector. */
export async function detectedLabels(
  query: string,
  span: Span,
  signal?: AbortSignal,
): Promise<DetectedField[]> {
  const params = { query, ...spanParams(span) }
  const decode = detected('detectedLabels', 'label')
  return (await request('/loki/api/v1/detected_labels', params, decode, signal, { bare: true })).data
}

/** Attributes of the newest records of a query; what only a parser would find in the lines is left out. */
export async function detectedFields(
  query: string,
  span: Span,
  signal?: AbortSignal,
): Promise<DetectedField[]> {
  const params = { query, ...spanParams(span) }
  const decode = detected('fields', 'label')
  return (await request('/loki/api/v1/detected_fields', params, decode, signal, { bare: true })).data
}

export interface IndexStats {
  readonly streams: number
  readonly entries: number
  readonly bytes: number
}

const indexStats: Decoder<IndexStats> = (value, path) => {
  const body = fields(value, path)
  const figure = (name: string) => optional(number, 0)(body[name], `${path}.${name}`)
  return { streams: figure('streams'), entries: figure('entries'), bytes: figure('bytes') }
}

/** How much there is, answered from the index alone. */
export async function logIndexStats(query: string, span: Span, signal?: AbortSignal): Promise<IndexStats> {
  const params = { query, ...spanParams(span) }
  return (await request('/loki/api/v1/index/stats', params, indexStats, signal, { bare: true })).data
}

/** Bytes by label, whatever its value, the largest first. */
export async function volumeByLabel(
  span: Span,
  signal?: AbortSignal,
): Promise<{ name: string; bytes: number }[]> {
  const params = { query: '{}', aggregateBy: 'labels', limit: 100, ...spanParams(span) }
  const { data } = await request('/loki/api/v1/index/volume', params, vector, signal)
  return data.flatMap(({ metric, value }) => Object.keys(metric).map((name) => ({ name, bytes: value ?? 0 })))
}

export async function formatLogQuery(query: string, signal?: AbortSignal): Promise<string> {
  return (await request('/loki/api/v1/format_query', { query }, text, signal)).data
}

export interface TailMessage {
  readonly streams: readonly RawStream[]
  /** Lines the server left out because the client did not keep up. */
  readonly dropped: number
}

export function decodeTail(raw: string): TailMessage {
  const body = fields(JSON.parse(raw), '')
  return {
    streams: optional(list(rawStream), [])(body.streams, 'streams'),
    dropped: optional(items, [])(body.dropped_entries, 'dropped_entries').length,
  }
}

/** Where lines can be followed as they come. */
export function tailAddress(query: string, start: Nanos, limit: number): string {
  const params = encodeParams({ query, start, limit, encoding_flags: 'categorize-labels' })
  const base = new URL('/loki/api/v1/tail', window.location.href)
  base.protocol = base.protocol === 'https:' ? 'wss:' : 'ws:'
  return `${base.href}?${params}`
}
