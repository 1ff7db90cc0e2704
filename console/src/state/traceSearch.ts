import { many, one, oneOf } from '@/lib/search'

export const traceSorts = ['start', 'duration', 'spans', 'errors', 'name'] as const
export type TraceSort = (typeof traceSorts)[number]

/** What the address says of the search for traces. */
export interface TracesSearch {
  readonly q?: string | undefined
  /** Whether traces are shown, or the spans that were looked for. */
  readonly show?: 'spans' | undefined
  /** The column it is sorted by, with a minus in front where the largest comes first. */
  readonly sort?: string | undefined
}

export function validateTracesSearch(search: Record<string, unknown>): TracesSearch {
  const sort = one(search.sort)
  const known = traceSorts.some((name) => sort === name || sort === `-${name}`)
  return { q: one(search.q), show: oneOf(search.show, ['spans'] as const), sort: known ? sort : undefined }
}

/** What the address says of one trace. */
export interface TraceSearch {
  readonly span?: string | undefined
  readonly find?: string | undefined
  readonly path?: '0' | undefined
  /** The part of the time that is shown: nanoseconds after the start, `from-to`. */
  readonly zoom?: string | undefined
}

export function validateTraceSearch(search: Record<string, unknown>): TraceSearch {
  const zoom = one(search.zoom)
  return {
    span: one(search.span),
    find: one(search.find),
    path: oneOf(search.path, ['0'] as const),
    zoom: zoom !== undefined && /^\d{1,19}-\d{1,19}$/.test(zoom) ? zoom : undefined,
  }
}

/** What the address says of a comparison: of two traces, or of the spans of a query with a part of them. */
export interface TraceCompareSearch {
  readonly a?: string | undefined
  readonly b?: string | undefined
  readonly q?: string | undefined
  readonly sel?: string | undefined
}

export const validateCompareSearch = (search: Record<string, unknown>): TraceCompareSearch => ({
  a: one(search.a),
  b: one(search.b),
  q: one(search.q),
  sel: one(search.sel),
})

export const mapGroupings = ['none', 'type', 'prefix', 'namespace', 'k8s', 'environment'] as const
export type MapGrouping = (typeof mapGroupings)[number]

/** What the address says of the service map. */
export interface ServiceMapSearch {
  readonly service?: string | undefined
  /** How many calls away from it others may be. */
  readonly hops?: string | undefined
  readonly edge?: string | undefined
  readonly group?: MapGrouping | undefined
  /** Groups that are unfolded. */
  readonly open?: string[] | undefined
  readonly view?: 'table' | undefined
  readonly filter?: string | undefined
  /** The moment that is looked at, in milliseconds since the epoch, and the minutes before it. */
  readonly at?: string | undefined
  readonly window?: string | undefined
}

export function validateMapSearch(search: Record<string, unknown>): ServiceMapSearch {
  const open = many(search.open)
  const digits = (value: unknown) => {
    const text = one(value)
    return text !== undefined && /^\d{1,15}$/.test(text) ? text : undefined
  }
  return {
    service: one(search.service),
    hops: oneOf(search.hops, ['1', '2', '3'] as const),
    edge: one(search.edge),
    group: oneOf(search.group, mapGroupings),
    open: open.length === 0 ? undefined : open,
    view: oneOf(search.view, ['table'] as const),
    filter: one(search.filter),
    at: digits(search.at),
    window: digits(search.window),
  }
}

/** Whether a text is the id of a trace. */
export const traceIdPattern = /^[0-9a-f]{16}$|^[0-9a-f]{32}$/i
