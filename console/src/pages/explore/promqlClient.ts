import type { QueryClient } from '@tanstack/react-query'
import type { PromQLExtension } from '@prometheus-io/codemirror-promql'
import { EqlRegex, EqlSingle, Neq, NeqRegex } from '@prometheus-io/lezer-promql'
import {
  functionHelps,
  labelNames,
  labelValues,
  metricMetadata,
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

export const metadataOf = (client: QueryClient): Promise<Record<string, MetricMetadata[]>> =>
  cached(client, ['metadata'], metricMetadata)

export const functionsOf = (client: QueryClient): Promise<FunctionHelp[]> =>
  // Prometheus itself has no such endpoint; without it hovering just says less.
  cached(client, ['functions'], (signal) => functionHelps(signal).catch(() => []))

export const metricNamesOf = (client: QueryClient): Promise<string[]> =>
  cached(client, ['labelValues', '__name__', undefined], (signal) =>
    labelValues('__name__', undefined, signal),
  )

/** What codemirror-promql asks for completion, answered through the console's own fetch and cache. */
export function completionClient(client: QueryClient): Client {
  return {
    metricNames: () => metricNamesOf(client),
    metricMetadata: () => metadataOf(client),
    labelNames: (metric) => {
      const match = matchOf(metric)
      return cached(client, ['labelNames', match], (signal) => labelNames(match, signal))
    },
    labelValues: (label, metric, matchers) => {
      const match = matchOf(metric, writeMatchers(matchers, label))
      return cached(client, ['labelValues', label, match], (signal) => labelValues(label, match, signal))
    },
    series: async (metric, matchers, label) => {
      const match = matchOf(metric, writeMatchers(matchers, label)) ?? '{__name__!=""}'
      const found = await cached(client, ['series', match], (signal) => seriesLabels(match, signal))
      return found.map((labels) => new Map(Object.entries(labels)))
    },
    flags: () => Promise.resolve({}),
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
