import type { Completion, CompletionContext, CompletionResult } from '@codemirror/autocomplete'
import type { QueryClient } from '@tanstack/react-query'
import { traceAttributes, traceValues, type TraceRange } from '@/api/traces'
import { literal, literalOf, scoped } from '@/lib/traceql/filter'
import { completionPlace, type CompletionPlace } from '@/lib/traceql/place'
import { aggregates, metricFunctions } from '@/lib/traceql/tokens'

const staleMs = 30_000

/** Stages behind a pipe, with a word on what they take. */
const stages: readonly (readonly [string, string])[] = [
  ['select(', 'select(span.x)'],
  ['by(', 'by(resource.service.name)'],
  ['coalesce()', ''],
  ['{', '{ duration > 1s }'],
]

const starts: readonly Completion[] = [
  { label: '{ }', type: 'keyword', detail: 'all' },
  { label: '{ status = error }', type: 'keyword', boost: -1 },
  { label: '{ duration > 1s }', type: 'keyword', boost: -2 },
  { label: '{ nestedSetParent < 0 }', type: 'keyword', detail: 'roots', boost: -3 },
]

const stageOptions: readonly Completion[] = [
  ...stages.map(([label, detail]) => ({ label, detail, type: 'keyword' })),
  ...aggregates.map((name) => ({ label: `${name}(`, type: 'function', boost: -1 })),
  ...metricFunctions.map((name) => ({ label: `${name}(`, type: 'function', boost: -2 })),
]

async function offered(
  client: QueryClient,
  range: () => TraceRange,
  place: CompletionPlace,
): Promise<readonly Completion[]> {
  const cached = <T>(key: readonly unknown[], ask: (signal: AbortSignal) => Promise<T>): Promise<T> =>
    client.query({
      queryKey: ['traces', 'completion', ...key],
      queryFn: ({ signal }) => ask(signal),
      staleTime: staleMs,
    })
  switch (place.kind) {
    case 'start':
      return starts
    case 'stage':
      return stageOptions
    case 'field': {
      const scopes = await cached(['names', place.filter], (signal) =>
        traceAttributes(place.filter, range(), signal),
      )
      return scopes.flatMap(({ name: scope, attributes }): Completion[] =>
        scope === 'intrinsic'
          ? attributes.map((name) => ({ label: name, type: 'keyword', boost: name.includes(':') ? -2 : 1 }))
          : attributes.map((name) => ({ label: scoped(scope, name), type: 'property', detail: scope })),
      )
    }
    case 'value': {
      const values = await cached(['values', place.field, place.filter], (signal) =>
        traceValues(place.field, place.filter, range(), signal),
      )
      return values.map(({ type, value }) => ({
        label: value,
        type: type === 'keyword' ? 'constant' : 'text',
        apply: place.quoted
          ? literal(value).slice(1, -1) + (place.closed ? '' : '"')
          : literalOf(type, value),
      }))
    }
  }
}

/** Completion of TraceQL: attributes and values of the spans there are, intrinsics, stages, functions. */
export function traceqlCompletion(client: QueryClient, range: () => TraceRange) {
  return async (context: CompletionContext): Promise<CompletionResult | null> => {
    const place = completionPlace(context.state.doc.toString(), context.pos)
    if (place === null || (!context.explicit && !place.eager && place.typed === '')) return null
    // A query that is not right yet has nothing to complete from.
    const options = await offered(client, range, place).catch(() => [])
    if (options.length === 0) return null
    return {
      from: place.from,
      options,
      validFor: place.kind === 'value' && place.quoted ? /^[^"]*$/ : /^[\w.:"/-]*$/,
    }
  }
}
