import { fields, items, list, number, optional, text, type Decoder, type Fields } from './decode'
import { labelsDecoder, request } from './http'
import type { Labels } from './types'

/** A pipeline in force, and what went through it since the server started. */
export interface ActivePipeline {
  readonly name: string
  readonly records: number
  readonly dropped: number
  /** Records a derived metric could not count, because it had too many series. */
  readonly leftOut: number
  readonly config: PipelineConfig
}

/** A pipeline as it is configured; a stage is an object with one key. */
export interface PipelineConfig {
  readonly name: string
  readonly match: Labels
  readonly stages: readonly Fields[]
}

const config: Decoder<PipelineConfig> = (value, path) => {
  const body = fields(value, path)
  return {
    name: text(body.name, `${path}.name`),
    match: optional(labelsDecoder, {})(body.match, `${path}.match`),
    stages: list(fields)(body.stages, `${path}.stages`),
  }
}

const active: Decoder<ActivePipeline> = (value, path) => {
  const body = fields(value, path)
  return {
    name: text(body.name, `${path}.name`),
    records: number(body.records, `${path}.records`),
    dropped: number(body.dropped, `${path}.dropped`),
    leftOut: optional(number, 0)(body.metricLeftOut, `${path}.metricLeftOut`),
    config: config(body.config, `${path}.config`),
  }
}

export async function activePipelines(signal?: AbortSignal): Promise<ActivePipeline[]> {
  const decode: Decoder<ActivePipeline[]> = (value, path) =>
    list(active)(fields(value, path).pipelines, `${path}.pipelines`)
  return (await request('/api/v1/logs/pipelines', {}, decode, signal)).data
}

export type Pair = readonly [name: string, value: string]

/** A record as a stage left it; values of attributes are text. */
export interface TriedRecord {
  /** Milliseconds since the epoch, to the microsecond: a double holds no more. */
  readonly timeMs: number
  readonly level: string
  readonly body: string
  readonly attributes: readonly Pair[]
  readonly labels: readonly Pair[]
  readonly traceId: string
  readonly spanId: string
}

export interface TriedStep {
  readonly stage: string
  /** Its place among the stages, from 0 on. */
  readonly place: number
  /** Why it did nothing, or that the record is dropped. */
  readonly note: string
  /** The record after it; null if it changed nothing. */
  readonly record: TriedRecord | null
}

export interface TriedLine {
  readonly line: string
  readonly steps: readonly TriedStep[]
  /** What would be kept; null if it was dropped. */
  readonly result: TriedRecord | null
}

const pair: Decoder<Pair> = (value, path) => {
  const [name, held] = items(value, path)
  return [text(name, `${path}[0]`), text(held, `${path}[1]`)]
}

const record: Decoder<TriedRecord> = (value, path) => {
  const body = fields(value, path)
  return {
    timeMs: Math.round(number(body.time_ns, `${path}.time_ns`) / 1000) / 1000,
    level: text(body.level, `${path}.level`),
    body: text(body.body, `${path}.body`),
    attributes: list(pair)(body.attributes, `${path}.attributes`),
    labels: list(pair)(body.labels, `${path}.labels`),
    traceId: optional(text, '')(body.trace_id, `${path}.trace_id`),
    spanId: optional(text, '')(body.span_id, `${path}.span_id`),
  }
}

const maybeRecord = optional<TriedRecord | null>(record, null)

const step: Decoder<TriedStep> = (value, path) => {
  const body = fields(value, path)
  return {
    stage: text(body.stage, `${path}.stage`),
    place: number(body.place, `${path}.place`),
    note: text(body.note, `${path}.note`),
    record: maybeRecord(body.record, `${path}.record`),
  }
}

const line: Decoder<TriedLine> = (value, path) => {
  const body = fields(value, path)
  return {
    line: text(body.line, `${path}.line`),
    steps: list(step)(body.steps, `${path}.steps`),
    result: maybeRecord(body.result, `${path}.result`),
  }
}

export interface TrialRequest {
  /** One pipeline, as it stands in the configuration. */
  readonly yaml: string
  /** The labels of the stream the lines are of. */
  readonly labels: Labels
  readonly lines: readonly string[]
}

/** What each stage of a pipeline makes of lines. Nothing is stored, and nothing counted. */
export async function tryPipeline(asked: TrialRequest, signal?: AbortSignal): Promise<TriedLine[]> {
  const decode: Decoder<TriedLine[]> = (value, path) => list(line)(fields(value, path).lines, `${path}.lines`)
  return (await request('/api/v1/logs/pipelines/try', {}, decode, signal, { json: asked })).data
}

/** Lets the server read its configuration again; it says what takes effect only after a restart. */
export async function reloadConfiguration(): Promise<string> {
  return (await request('/-/reload', {}, text, undefined, { json: {}, plain: true })).data.trim()
}
