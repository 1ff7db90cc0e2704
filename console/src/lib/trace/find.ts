import type { TraceSpan } from '@/api/traceDocument'
import type { Fields } from '@/api/decode'

/** A value of an attribute as text. */
export function valueText(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}

const parts = (attributes: Fields): string =>
  Object.entries(attributes)
    .map(([name, value]) => `${name}=${valueText(value)}`)
    .join('\n')

function hay(span: TraceSpan): string {
  const events = span.events.map((event) => `${event.name}\n${parts(event.attributes)}`)
  const words = [span.service, span.name, span.kind, span.status, span.statusMessage, span.id, span.spanId]
  return [...words, parts(span.attributes), parts(span.resource), ...events].join('\n').toLowerCase()
}

const known = new WeakMap<readonly TraceSpan[], string[]>()

/** Places of the spans that have each of the words in a name, an attribute, an event or an id. */
export function found(spans: readonly TraceSpan[], text: string): number[] {
  const words = text
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '')
  if (words.length === 0) return []
  let all = known.get(spans)
  if (all === undefined) known.set(spans, (all = spans.map(hay)))
  const out: number[] = []
  all.forEach((of, at) => {
    if (words.every((word) => of.includes(word))) out.push(at)
  })
  return out
}
