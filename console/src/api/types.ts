/** Shapes of the HTTP API after decoding: numbers are numbers, times are milliseconds since the epoch. */
export type Labels = Readonly<Record<string, string>>

export interface HistogramBucket {
  /** 0: (a, b], 1: [a, b), 2: (a, b), 3: [a, b] */
  readonly boundaries: number
  readonly lower: number
  readonly upper: number
  readonly count: number
}

export interface HistogramValue {
  readonly count: number
  readonly sum: number
  readonly buckets: readonly HistogramBucket[]
}

export interface HistogramPoint {
  readonly time: number
  readonly histogram: HistogramValue
}

export interface RangeSeries {
  readonly metric: Labels
  readonly times: readonly number[]
  readonly values: readonly (number | null)[]
  /** Points that are native histograms, which have no single value. */
  readonly histograms: readonly HistogramPoint[]
}

export interface InstantSample {
  readonly metric: Labels
  readonly time: number
  readonly value: number | null
  /** The number as the server wrote it, so that nothing is lost by passing through a double. */
  readonly text: string
  readonly histogram: HistogramValue | null
}

export type QueryResult =
  | { readonly type: 'matrix'; readonly series: readonly RangeSeries[] }
  | { readonly type: 'vector'; readonly samples: readonly InstantSample[] }
  | { readonly type: 'scalar'; readonly time: number; readonly text: string }
  | { readonly type: 'string'; readonly time: number; readonly text: string }

export interface QueryStats {
  /** Seconds by phase name, as the server reports them. */
  readonly timings: Readonly<Record<string, number>>
  readonly totalSamples: number | null
  readonly peakSamples: number | null
}

export interface QueryAnswer {
  readonly result: QueryResult
  readonly stats: QueryStats | null
}

/** What it took to get an answer; the query inspector shows it. */
export interface Exchange {
  readonly url: string
  readonly elapsedMs: number
  readonly bytes: number
  readonly warnings: readonly string[]
  readonly infos: readonly string[]
}

/** A place in the text of a query; bytes count in UTF-8, line and column from 1. */
export interface Place {
  readonly start: number
  readonly end: number
  readonly line: number
  readonly column: number
}

/** A node of a query as it was evaluated; samples, bytes, time and memory include what is below it. */
export interface PlanNode {
  readonly kind: string
  /** The expression, with an ellipsis for what is below. */
  readonly head: string
  readonly text: string
  /** null if it was computed together with the node above. */
  readonly series: number | null
  /** Samples that were read; of logs, lines that were looked at. */
  readonly samples: number
  /** Lines it gave; null if it gives series. */
  readonly lines: number | null
  readonly bytes: number | null
  readonly totalMs: number
  readonly selfMs: number
  readonly memoryBytes: number
  readonly notes: readonly string[]
  readonly children: readonly PlanNode[]
}

export interface Explained {
  /** The query, formatted. */
  readonly query: string
  readonly steps: number
  readonly elapsedMs: number
  readonly plan: PlanNode
}

export interface Answer<T> {
  readonly data: T
  readonly exchange: Exchange
  readonly raw: string
}

export interface MetricMetadata {
  readonly type: string
  readonly help: string
  readonly unit: string
}

export interface ProcessInfo {
  readonly pid: number
  readonly name: string
  readonly command: string
  readonly user: string
  readonly cpuPercent: number
  readonly rssBytes: number
  readonly threads: number
  readonly state: string
  readonly startTimeMs: number
}

export interface ActiveTarget {
  readonly pool: string
  readonly url: string
  readonly health: 'up' | 'down' | 'unknown'
  readonly labels: Labels
  readonly discovered: Labels
  readonly lastError: string
  readonly lastScrape: number | null
  readonly durationSeconds: number
  readonly interval: string
  readonly timeout: string
}

export interface DroppedTarget {
  readonly pool: string
  readonly discovered: Labels
  /** Why it is not scraped; empty from servers that do not tell. */
  readonly reason: string
}

export interface TargetsAnswer {
  readonly active: readonly ActiveTarget[]
  readonly dropped: readonly DroppedTarget[]
}

export interface NamedCount {
  readonly name: string
  readonly value: number
}

export interface HeadStatus {
  readonly series: number | null
  readonly labelPairs: number | null
  readonly chunks: number | null
  readonly minTime: number | null
  readonly maxTime: number | null
  readonly seriesByMetric: readonly NamedCount[]
  readonly valuesByLabel: readonly NamedCount[]
  readonly memoryByLabel: readonly NamedCount[]
  readonly seriesByPair: readonly NamedCount[]
}

/** Any JSON value; the storage report holds figures the server may add to. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }

/** Figures by name; which there are is up to the server. */
export type Figures = Readonly<Record<string, Json>>

export interface StoreStatus {
  readonly store: Figures
  readonly budgets: Figures
  readonly use: Figures
}
