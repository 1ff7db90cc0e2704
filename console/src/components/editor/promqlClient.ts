import type { QueryClient } from '@tanstack/react-query'
import {
  newCompleteStrategy,
  type CompleteStrategy,
  type PromQLExtension,
} from '@prometheus-io/codemirror-promql'
import { EqlRegex, EqlSingle, Neq, NeqRegex } from '@prometheus-io/lezer-promql'
import {
  functionHelps,
  labelNames,
  labelValues,
  metricMetadata,
  searchValues,
  seriesLabels,
  type FunctionHelp,
} from '@/api/catalog'
import type { MetricMetadata } from '@/api/types'
import { quote } from '@/lib/matcher'

type CompletionConfig = NonNullable<Parameters<PromQLExtension['setComplete']>[0]>
type Client = Extract<NonNullable<CompletionConfig['remote']>, { labelNames: unknown }>

/** Live metadata changes slowly; completion must not ask at every key. */
const staleMs = 60_000

function matchOf(metric: string | undefined, matchers: readonly string[] = []): string | undefined {
  const name = metric === undefined || metric === '' ? [] : [`__name__=${quote(metric)}`]
  const all = [...name, ...matchers]
  return all.length === 0 ? undefined : `{${all.join(',')}}`
}

function cached<T>(
  client: QueryClient,
  key: readonly unknown[],
  ask: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  return client.query({
    queryKey: ['completion', ...key],
    queryFn: ({ signal }) => ask(signal),
    staleTime: staleMs,
  })
}

/** All metadata there is, for the browser of metrics. */
export const metadataOf = (client: QueryClient): Promise<Record<string, MetricMetadata[]>> =>
  cached(client, ['metadata'], (signal) => metricMetadata(undefined, signal))

/** Parts of histograms and summaries carry a suffix; the description belongs to the family. */
export function familyOf(metric: string): string {
  return metric.replace(/_(bucket|sum|count|total)$/, '')
}

/** The metadata of some metrics and of the families they may be parts of. */
export const metadataOfNames = (
  client: QueryClient,
  names: readonly string[],
): Promise<Record<string, MetricMetadata[]>> => {
  if (names.length === 0) return Promise.resolve({})
  const asked = [...new Set(names.flatMap((name) => [name, familyOf(name)]))].sort()
  return cached(client, ['metadata', ...asked], (signal) => metricMetadata(asked, signal))
}

export const functionsOf = (client: QueryClient): Promise<FunctionHelp[]> =>
  // Prometheus itself has no such endpoint; without it hovering just says less.
  cached(client, ['functions'], (signal) => functionHelps(signal).catch(() => []))

export const metricNamesOf = (client: QueryClient): Promise<string[]> =>
  cached(client, ['labelValues', '__name__', undefined], (signal) =>
    labelValues('__name__', undefined, signal),
  )

/** A list longer than this is not read; typing on narrows it. */
export const offeredMax = 150

/** What is asked of the server for one completion. */
interface Asked {
  /** What is typed of a label's value. */
  readonly value: string
  /** Whether there is more than was offered, so that the next key must ask again. */
  cut: boolean
  /** The metrics that are offered. */
  names: readonly string[]
}

/** What codemirror-promql asks for completion, answered through the console's own fetch and cache. */
function completionClient(client: QueryClient, asked: () => Asked): Client {
  const search = async (label: string, text: string, match: string | undefined): Promise<string[]> => {
    const now = asked()
    const found = await cached(client, ['search', label, text, match], (signal) =>
      searchValues(label, text, match, offeredMax, signal),
    )
    if (found.length >= offeredMax) now.cut = true
    if (label === '__name__') now.names = found
    return found
  }
  return {
    metricNames: (typed) => search('__name__', typed ?? '', undefined),
    metricMetadata: () => metadataOfNames(client, asked().names),
    labelNames: (metric) => {
      const match = matchOf(metric)
      return cached(client, ['labelNames', match], (signal) => labelNames(match, signal))
    },
    labelValues: (label, metric, matchers) =>
      search(label, asked().value, matchOf(metric, writeMatchers(matchers, label))),
    series: async (metric, matchers, label) => {
      const match = matchOf(metric, writeMatchers(matchers, label)) ?? '{__name__!=""}'
      const found = await cached(client, ['series', match], (signal) => seriesLabels(match, signal))
      return found.map((labels) => new Map(Object.entries(labels)))
    },
    flags: () => Promise.resolve({}),
  }
}

/**
 * Completion that asks for what is being typed, not for everything there is: the server searches its index, and the
 * answer is small however many series it knows.
 */
export function completionStrategy(client: QueryClient): CompleteStrategy {
  let asked: Asked = { value: '', cut: false, names: [] }
  const complete = newCompleteStrategy({
    remote: completionClient(client, () => asked),
    maxMetricsMetadata: offeredMax,
  })
  return {
    promQL: async (context) => {
      // Between quotes nothing but the value can be meant.
      const typed = context.matchBefore(/[^"'`]*/)?.text ?? ''
      const own: Asked = { value: typed, cut: false, names: [] }
      asked = own
      const result = await complete.promQL(context)
      if (result === null || !own.cut) return result
      // More than this matches: what is typed next must be asked for, and not only looked for in this list.
      const { from, to, options } = result
      return { from, ...(to === undefined ? {} : { to }), options }
    },
  }
}

interface ClientMatcher {
  readonly name: string
  readonly value: string
  readonly type: number
  readonly matchesEmpty: () => boolean
}

const operators: Readonly<Record<number, string>> = {
  [EqlSingle]: '=',
  [Neq]: '!=',
  [EqlRegex]: '=~',
  [NeqRegex]: '!~',
}

/** The matchers that already say something, without the one being typed. */
function writeMatchers(matchers: readonly ClientMatcher[] = [], editing: string | undefined): string[] {
  return matchers
    .filter((m) => m.name !== editing && m.name !== '' && !m.matchesEmpty())
    .map((m) => `${m.name}${operators[m.type] ?? '='}${quote(m.value)}`)
}
