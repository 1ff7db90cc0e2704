import {
  DecodeError,
  fields,
  items,
  list,
  number,
  optional,
  sampleNumber,
  text,
  type Decoder,
} from './decode'
import { labelsDecoder, request } from './http'
import type {
  Answer,
  HistogramPoint,
  HistogramValue,
  InstantSample,
  QueryAnswer,
  QueryResult,
  QueryStats,
  RangeSeries,
} from './types'

function point(value: unknown, path: string): readonly [number, unknown] {
  const pair = items(value, path)
  return [number(pair[0], `${path}[0]`) * 1000, pair[1]]
}

const histogram: Decoder<HistogramValue> = (value, path) => {
  const body = fields(value, path)
  return {
    count: sampleNumber(text(body.count, `${path}.count`)),
    sum: sampleNumber(text(body.sum, `${path}.sum`)),
    buckets: optional(
      list((entry, at) => {
        const [boundaries, lower, upper, count] = items(entry, at)
        return {
          boundaries: number(boundaries, at),
          lower: sampleNumber(text(lower, at)),
          upper: sampleNumber(text(upper, at)),
          count: sampleNumber(text(count, at)),
        }
      }),
      [],
    )(body.buckets, `${path}.buckets`),
  }
}

const histogramPoint: Decoder<HistogramPoint> = (value, path) => {
  const [time, written] = point(value, path)
  return { time: Math.round(time), histogram: histogram(written, path) }
}

const rangeSeries: Decoder<RangeSeries> = (value, path) => {
  const body = fields(value, path)
  const points = optional(items, [])(body.values, `${path}.values`)
  const times = new Array<number>(points.length)
  const values = new Array<number | null>(points.length)
  for (let i = 0; i < points.length; i++) {
    const [time, written] = point(points[i], path)
    times[i] = Math.round(time)
    values[i] = sampleNumber(text(written, path))
  }
  const histograms = optional(list(histogramPoint), [])(body.histograms, `${path}.histograms`)
  return { metric: labelsDecoder(body.metric, `${path}.metric`), times, values, histograms }
}

const instantSample: Decoder<InstantSample> = (value, path) => {
  const body = fields(value, path)
  const metric = labelsDecoder(body.metric, `${path}.metric`)
  if (body.histogram !== undefined) {
    const [time, written] = point(body.histogram, `${path}.histogram`)
    return { metric, time, value: null, text: '', histogram: histogram(written, `${path}.histogram`) }
  }
  const [time, written] = point(body.value, `${path}.value`)
  const exact = text(written, `${path}.value[1]`)
  return { metric, time, value: sampleNumber(exact), text: exact, histogram: null }
}

const stats: Decoder<QueryStats> = (value, path) => {
  const body = fields(value, path)
  const timings: Record<string, number> = {}
  for (const [name, spent] of Object.entries(optional(fields, {})(body.timings, path))) {
    if (typeof spent === 'number') timings[name] = spent
  }
  const samples = optional(fields, {})(body.samples, path)
  const count = (field: unknown): number | null => (typeof field === 'number' ? field : null)
  return {
    timings,
    totalSamples: count(samples.totalQueryableSamples),
    peakSamples: count(samples.peakSamples),
  }
}

function result(type: string, value: unknown): QueryResult {
  switch (type) {
    case 'matrix':
      return { type, series: list(rangeSeries)(value, 'data.result') }
    case 'vector':
      return { type, samples: list(instantSample)(value, 'data.result') }
    case 'scalar':
    case 'string': {
      const [time, written] = point(value, 'data.result')
      return { type, time, text: text(written, 'data.result[1]') }
    }
    default:
      throw new DecodeError('data.resultType', 'matrix, vector, scalar or string', type)
  }
}

export const queryAnswer: Decoder<QueryAnswer> = (value, path) => {
  const body = fields(value, path)
  return {
    result: result(text(body.resultType, 'data.resultType'), body.result),
    stats: body.stats === undefined ? null : stats(body.stats, 'data.stats'),
  }
}

export const matrix: Decoder<readonly RangeSeries[]> = (value, path) => {
  const answer = queryAnswer(value, path).result
  if (answer.type !== 'matrix') throw new DecodeError('data.resultType', 'matrix', answer.type)
  return answer.series
}

export const vector: Decoder<readonly InstantSample[]> = (value, path) => {
  const answer = queryAnswer(value, path).result
  if (answer.type !== 'vector') throw new DecodeError('data.resultType', 'vector', answer.type)
  return answer.samples
}

export interface RangeRequest {
  readonly expr: string
  /** Milliseconds since the epoch. */
  readonly start: number
  readonly end: number
  readonly stepMs: number
}

const rangeParams = (r: RangeRequest) => ({
  query: r.expr,
  start: r.start / 1000,
  end: r.end / 1000,
  step: r.stepMs / 1000,
})

export async function queryMatrix(r: RangeRequest, signal?: AbortSignal): Promise<readonly RangeSeries[]> {
  return (await request('/api/v1/query_range', rangeParams(r), matrix, signal)).data
}

export async function queryVector(
  expr: string,
  timeMs: number | undefined,
  signal?: AbortSignal,
): Promise<readonly InstantSample[]> {
  const time = timeMs === undefined ? undefined : timeMs / 1000
  return (await request('/api/v1/query', { query: expr, time }, vector, signal)).data
}

/** Explore asks with statistics, and keeps everything the exchange told. */
export function exploreRange(r: RangeRequest, signal?: AbortSignal): Promise<Answer<QueryAnswer>> {
  return request('/api/v1/query_range', { ...rangeParams(r), stats: 'all' }, queryAnswer, signal)
}

export function exploreInstant(
  expr: string,
  timeMs: number,
  signal?: AbortSignal,
): Promise<Answer<QueryAnswer>> {
  return request('/api/v1/query', { query: expr, time: timeMs / 1000, stats: 'all' }, queryAnswer, signal)
}

/** The times at which a series was sampled lately; they tell how often it is collected. */
export async function sampleTimes(
  selector: string,
  windowText: string,
  signal?: AbortSignal,
): Promise<number[]> {
  const { data } = await request(
    '/api/v1/query',
    { query: `${selector}[${windowText}]` },
    queryAnswer,
    signal,
  )
  return data.result.type === 'matrix' ? [...(data.result.series[0]?.times ?? [])] : []
}

export async function formatQuery(expr: string, signal?: AbortSignal): Promise<string> {
  return (await request('/api/v1/format_query', { query: expr }, text, signal)).data
}
