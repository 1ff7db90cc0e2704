import type { TraceSpan } from '@/api/traceDocument'

/**
 * Spans for tests: `name parent start duration service`, a line each; the parent by its name, `-` of a root. What stands
 * behind a tilde tells spans of one name apart.
 */
export function spansOf(text: string): TraceSpan[] {
  const rows = text
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
  const places = new Map(rows.map(([name = ''], at) => [name, at]))
  return rows.map(([name = '', parent = '-', start = '0', duration = '0', service = 's']) => ({
    id: name,
    spanId: name,
    parent: places.get(parent) ?? -1,
    parentSpanId: '',
    name: name.split('~')[0] ?? '',
    service,
    kind: 'internal',
    status: name.startsWith('bad') ? 'error' : 'unset',
    statusMessage: '',
    offset: Number(start),
    duration: Number(duration),
    warnings: [],
    skew: 0,
    scope: '',
    attributes: {},
    resource: {},
    events: [],
    links: [],
  }))
}
