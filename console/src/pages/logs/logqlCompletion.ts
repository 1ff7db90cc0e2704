import type { Completion, CompletionContext, CompletionResult } from '@codemirror/autocomplete'
import type { QueryClient } from '@tanstack/react-query'
import { detectedFields, logLabels, logLabelValues, logVector, type Span } from '@/api/logs'
import { formatDuration } from '@/lib/duration'
import { ms } from '@/lib/brand'
import { topValuesQuery } from '@/lib/logHistogram'
import { quote } from '@/lib/matcher'
import { completionPlace, type CompletionPlace } from '@/lib/logql/place'
import { aggregations, rangeFunctions } from '@/lib/logql/tokens'

const staleMs = 30_000
const valuesMax = 50
const durations = ['1m', '5m', '15m', '1h', '1d']

/** Stages with a word on what they do. */
const stageHelp: readonly (readonly [string, string])[] = [
  ['json', '{"a": {"b": 1}} → a_b'],
  ['logfmt', 'a=1 b="x y"'],
  ['pattern "<_>"', '<method> <path> <_>'],
  ['regexp "(?P<name>)"', '(?P<name>…)'],
  ['unpack', ''],
  ['line_format "{{.}}"', '{{.name}}'],
  ['label_format', 'new=old'],
  ['drop', ''],
  ['keep', ''],
  ['decolorize', ''],
  ['unwrap', '→ number'],
]

const options = (labels: readonly string[], type: string): Completion[] =>
  labels.map((label) => ({ label, type }))

/** What the server knows, asked for once in a while. */
function source(client: QueryClient, span: () => Span) {
  const cached = <T>(key: readonly unknown[], ask: (signal: AbortSignal) => Promise<T>): Promise<T> =>
    client.query({
      queryKey: ['logs', 'completion', ...key],
      queryFn: ({ signal }) => ask(signal),
      staleTime: staleMs,
    })
  return {
    labels: (selector: string | undefined) =>
      cached(['labels', selector], (signal) => logLabels(selector, span(), signal)),
    values: (name: string, selector: string | undefined) =>
      cached(['values', name, selector], (signal) => logLabelValues(name, selector, span(), signal)),
    fields: (query: string) =>
      cached(['fields', query], async (signal) => {
        const found = await detectedFields(query, span(), signal)
        return found.map(({ name }) => name)
      }),
    /** The most frequent values, with how often they come. */
    top: (query: string, name: string) =>
      cached(['top', query, name], async (signal): Promise<Completion[]> => {
        const { from, to } = span()
        const asked = topValuesQuery(query, name, formatDuration(ms(to - from)), valuesMax)
        const found = asked === null ? [] : await logVector(asked, to, signal)
        return found.flatMap(({ metric, text }, index) =>
          metric[name] === undefined
            ? []
            : [
                {
                  label: metric[name],
                  detail: Number(text).toLocaleString('en-US'),
                  type: 'text',
                  boost: -index / 10,
                },
              ],
        )
      }),
  }
}

async function offered(place: CompletionPlace, from: ReturnType<typeof source>): Promise<Completion[]> {
  switch (place.kind) {
    case 'label':
      return options(await from.labels(place.selector), 'property')
    case 'value':
      return options(await from.values(place.name, place.selector), 'text')
    case 'fieldValue':
      return from.top(place.query, place.name)
    case 'stage': {
      const [fields, labels] = await Promise.all([from.fields(place.query), from.labels(place.selector)])
      const names = [...new Set([...fields, ...labels])]
      return [
        ...stageHelp.map(([label, detail]) => ({ label, detail, type: 'keyword' })),
        ...names.map((label) => ({ label, type: 'property', boost: -1 })),
      ]
    }
    case 'field': {
      const [fields, labels] = await Promise.all([from.fields(place.query), from.labels(place.selector)])
      return options([...new Set([...fields, ...labels])], 'property')
    }
    case 'duration':
      return options(durations, 'constant')
    case 'start':
      return [
        { label: '{', type: 'keyword', detail: '{label="value"}' },
        ...options([...rangeFunctions, ...aggregations], 'function'),
      ]
  }
}

/** Completion of LogQL: labels and values of streams, fields of lines, stages, functions. */
export function logqlCompletion(client: QueryClient, span: () => Span) {
  const from = source(client, span)
  return async (context: CompletionContext): Promise<CompletionResult | null> => {
    const place = completionPlace(context.state.doc.toString(), context.pos)
    if (place === null || (!context.explicit && !place.eager && place.typed === '')) return null
    // A query that is not right yet has nothing to complete from.
    const found = await offered(place, from).catch(() => [])
    if (found.length === 0) return null
    const quoted = place.kind === 'value' || place.kind === 'fieldValue'
    return {
      from: place.from,
      options: quoted
        ? found.map((option) => ({
            ...option,
            apply: quote(option.label).slice(1, -1) + (place.closed ? '' : '"'),
          }))
        : found,
      validFor: quoted ? /^[^"]*$/ : /^\w*$/,
    }
  }
}
