import { dictionary, fields, list, number, optional, sampleNumber, text, type Decoder } from './decode'
import { labelsDecoder, request } from './http'
import type {
  ActiveTarget,
  HeadStatus,
  Json,
  Labels,
  MetricMetadata,
  NamedCount,
  ProcessInfo,
  StoreStatus,
  TargetsAnswer,
} from './types'

const texts = list(text)

export async function labelNames(match: string | undefined, signal?: AbortSignal): Promise<string[]> {
  return (await request('/api/v1/labels', { 'match[]': match }, texts, signal)).data
}

export async function labelValues(
  name: string,
  match: string | undefined,
  signal?: AbortSignal,
): Promise<string[]> {
  const path = `/api/v1/label/${encodeURIComponent(name)}/values`
  return (await request(path, { 'match[]': match }, texts, signal)).data
}

/**
 * Values that contain a text in any case, those that start with it first. The server answers from its index, however
 * many series there are.
 */
export async function searchValues(
  name: string,
  search: string,
  match: string | undefined,
  limit: number,
  signal?: AbortSignal,
): Promise<string[]> {
  const path = `/api/v1/label/${encodeURIComponent(name)}/values`
  return (await request(path, { search, 'match[]': match, limit }, texts, signal)).data
}

export async function seriesLabels(match: string, signal?: AbortSignal): Promise<Labels[]> {
  return (await request('/api/v1/series', { 'match[]': match }, list(labelsDecoder), signal)).data
}

const metadataEntry: Decoder<MetricMetadata> = (value, path) => {
  const body = fields(value, path)
  return {
    type: optional(text, 'unknown')(body.type, `${path}.type`),
    help: optional(text, '')(body.help, `${path}.help`),
    unit: optional(text, '')(body.unit, `${path}.unit`),
  }
}

/** Of all metrics, or of those named. */
export async function metricMetadata(
  names: readonly string[] | undefined,
  signal?: AbortSignal,
): Promise<Record<string, MetricMetadata[]>> {
  const decode = dictionary(list(metadataEntry))
  return (await request('/api/v1/metadata', { metric: names }, decode, signal)).data
}

const process: Decoder<ProcessInfo> = (value, path) => {
  const body = fields(value, path)
  return {
    pid: number(body.pid, `${path}.pid`),
    name: text(body.name, `${path}.name`),
    command: optional(text, '')(body.cmdline, `${path}.cmdline`),
    user: optional(text, '')(body.user, `${path}.user`),
    cpuPercent: optional(number, 0)(body.cpuPercent, `${path}.cpuPercent`),
    rssBytes: optional(number, 0)(body.rssBytes, `${path}.rssBytes`),
    threads: optional(number, 0)(body.threads, `${path}.threads`),
    state: optional(text, '')(body.state, `${path}.state`),
    startTimeMs: optional(number, 0)(body.startMs, `${path}.startMs`),
  }
}

/** The busiest processes are asked for; beyond this nobody looks. */
const processesMax = 150

export async function processes(signal?: AbortSignal): Promise<ProcessInfo[]> {
  const decode: Decoder<ProcessInfo[]> = (value, path) =>
    list(process)(fields(value, path).processes, `${path}.processes`)
  return (await request('/api/v1/processes', { limit: processesMax }, decode, signal)).data
}

const activeTarget: Decoder<ActiveTarget> = (value, path) => {
  const body = fields(value, path)
  const health = text(body.health, `${path}.health`)
  const last = Date.parse(optional(text, '')(body.lastScrape, `${path}.lastScrape`))
  return {
    pool: optional(text, '')(body.scrapePool, `${path}.scrapePool`),
    url: text(body.scrapeUrl, `${path}.scrapeUrl`),
    health: health === 'up' || health === 'down' ? health : 'unknown',
    labels: labelsDecoder(body.labels, `${path}.labels`),
    discovered: optional(labelsDecoder, {})(body.discoveredLabels, `${path}.discoveredLabels`),
    lastError: optional(text, '')(body.lastError, `${path}.lastError`),
    // The year 1 stands for a target that was never scraped.
    lastScrape: Number.isNaN(last) || last <= 0 ? null : last,
    durationSeconds: optional(number, 0)(body.lastScrapeDuration, `${path}.lastScrapeDuration`),
    interval: optional(text, '')(body.scrapeInterval, `${path}.scrapeInterval`),
    timeout: optional(text, '')(body.scrapeTimeout, `${path}.scrapeTimeout`),
  }
}

const targetsAnswer: Decoder<TargetsAnswer> = (value, path) => {
  const body = fields(value, path)
  return {
    active: optional(list(activeTarget), [])(body.activeTargets, `${path}.activeTargets`),
    dropped: optional(
      list((entry, at) => {
        const dropped = fields(entry, at)
        const discovered = optional(labelsDecoder, {})(dropped.discoveredLabels, at)
        return {
          discovered,
          pool: optional(text, '')(dropped.scrapePool, at) || (discovered.job ?? ''),
          reason: optional(text, '')(dropped.reason, at),
        }
      }),
      [],
    )(body.droppedTargets, `${path}.droppedTargets`),
  }
}

export async function targets(signal?: AbortSignal): Promise<TargetsAnswer> {
  return (await request('/api/v1/targets', {}, targetsAnswer, signal)).data
}

const namedCount: Decoder<NamedCount> = (value, path) => {
  const body = fields(value, path)
  const count = body.value
  return {
    name: text(body.name, `${path}.name`),
    value: typeof count === 'string' ? sampleNumber(count) : number(count, `${path}.value`),
  }
}

const headStatus: Decoder<HeadStatus> = (value, path) => {
  const body = fields(value, path)
  const head = optional(fields, {})(body.headStats, `${path}.headStats`)
  const counts = (name: string) => optional(list(namedCount), [])(body[name], `${path}.${name}`)
  const count = (field: unknown): number | null => (typeof field === 'number' ? field : null)
  return {
    series: count(head.numSeries),
    labelPairs: count(head.numLabelPairs),
    chunks: count(head.chunkCount),
    minTime: count(head.minTime),
    maxTime: count(head.maxTime),
    seriesByMetric: counts('seriesCountByMetricName'),
    valuesByLabel: counts('labelValueCountByLabelName'),
    memoryByLabel: counts('memoryInBytesByLabelName'),
    seriesByPair: counts('seriesCountByLabelValuePair'),
  }
}

export async function headStatusOf(limit: number, signal?: AbortSignal): Promise<HeadStatus> {
  return (await request('/api/v1/status/tsdb', { limit }, headStatus, signal)).data
}

const json: Decoder<Json> = (value) => value as Json
const figures = dictionary(json)

const storeStatus: Decoder<StoreStatus> = (value, path) => {
  const body = fields(value, path)
  return {
    store: figures(body.store, `${path}.store`),
    budgets: optional(figures, {})(body.budgets, `${path}.budgets`),
    use: optional(figures, {})(body.use, `${path}.use`),
  }
}

export async function storeStatusOf(signal?: AbortSignal): Promise<StoreStatus> {
  return (await request('/api/v1/status/store', {}, storeStatus, signal)).data
}

export async function effectiveConfig(signal?: AbortSignal): Promise<string> {
  const decode: Decoder<string> = (value, path) => text(fields(value, path).yaml, `${path}.yaml`)
  return (await request('/api/v1/status/config', {}, decode, signal)).data
}

const scalars: Decoder<Record<string, string>> = (value, path) => {
  const out: Record<string, string> = {}
  for (const [key, entry] of Object.entries(fields(value, path))) {
    out[key] = typeof entry === 'string' ? entry : JSON.stringify(entry)
  }
  return out
}

export type InfoPage = 'buildinfo' | 'runtimeinfo' | 'flags'

export async function infoPage(page: InfoPage, signal?: AbortSignal): Promise<Record<string, string>> {
  return (await request(`/api/v1/status/${page}`, {}, scalars, signal)).data
}

export interface FunctionHelp {
  readonly name: string
  readonly signature: string
  readonly help: string
}

const functionHelp: Decoder<FunctionHelp> = (value, path) => {
  const body = fields(value, path)
  const name = text(body.name, `${path}.name`)
  return {
    name,
    signature: optional(text, name)(body.signature, `${path}.signature`),
    help: optional(text, '')(body.doc, `${path}.doc`),
  }
}

export async function functionHelps(signal?: AbortSignal): Promise<FunctionHelp[]> {
  const decode: Decoder<FunctionHelp[]> = (value, path) =>
    list(functionHelp)(fields(value, path).functions, `${path}.functions`)
  return (await request('/api/v1/functions', {}, decode, signal)).data
}
