import { queryLines, type LogStats } from '@/api/logs'
import type { Exchange } from '@/api/types'
import { boundary, linesOf, withoutKnown, type LogLine, type Order } from '@/lib/logLine'
import { later, type Nanos } from '@/lib/nanos'

/** Lines that are asked for at a time. */
export const pageLines = 1000
/** More lines than this are not kept in the browser; a narrower range or filter shows the others. */
export const keptMax = 100_000
/** Where more lines than a page share one moment, a larger page is asked for, up to this. */
const momentMax = 50_000

/** Half-open. */
export interface Bounds {
  readonly start: Nanos
  readonly end: Nanos
}

/** Where to go on: a moment, and what is known of it. */
export interface Cursor {
  readonly ns: Nanos
  readonly known: ReadonlyMap<string, number>
}

export interface Page {
  readonly bounds: Bounds
  readonly lines: readonly LogLine[]
  /** null where the range ends. */
  readonly next: Cursor | null
  /** Lines beyond the newest one that is shown may be in the range; a link to a line begins in the middle. */
  readonly newer: boolean
  readonly exchange: Exchange
  readonly stats: LogStats
}

type Direction = 'backward' | 'forward'

export const directionOf = (order: Order): Direction => (order === 'newest' ? 'backward' : 'forward')

function boundsFrom(bounds: Bounds, cursor: Cursor | null, direction: Direction): Bounds {
  if (cursor === null) return bounds
  return direction === 'backward'
    ? { start: bounds.start, end: later(cursor.ns, 1n) }
    : { start: cursor.ns, end: bounds.end }
}

function cursorAt(lines: readonly LogLine[], before: Cursor | null): Cursor | null {
  const ns = lines.at(-1)?.ns
  if (ns === undefined) return before
  const known = new Map(boundary(lines, ns))
  if (before?.ns === ns) for (const [id, count] of before.known) known.set(id, (known.get(id) ?? 0) + count)
  return { ns, known }
}

/** Steps over a moment of which no page can hold all lines. */
const beyond = ({ ns }: Cursor, direction: Direction): Cursor => ({
  ns: later(ns, direction === 'backward' ? -1n : 1n),
  known: new Map(),
})

export interface PageRequest {
  readonly query: string
  readonly bounds: Bounds
  readonly cursor: Cursor | null
  readonly direction: Direction
  readonly limit?: number
}

/** The lines behind a cursor, or from the beginning of a range, in the order they are asked for. */
export async function fetchPage(asked: PageRequest, signal?: AbortSignal): Promise<Page> {
  const { query, bounds, cursor, direction } = asked
  // What is known of the moment comes again, and takes no one's place.
  let limit = (asked.limit ?? pageLines) + (cursor?.known.size ?? 0)
  for (;;) {
    const range = boundsFrom(bounds, cursor, direction)
    const { data, exchange } = await queryLines({ query, ...range, limit, direction }, signal)
    const found = linesOf(data.streams, direction === 'backward' ? 'newest' : 'oldest')
    const lines = withoutKnown(found, cursor?.known ?? new Map())
    const full = found.length >= limit
    const stuck = full && lines.length === 0 && cursor !== null
    if (stuck && limit < momentMax) {
      limit = Math.min(limit * 4, momentMax)
      continue
    }
    const next = !full ? null : stuck ? beyond(cursor, direction) : cursorAt(lines, cursor)
    return { bounds, lines, next, newer: false, exchange, stats: data.stats }
  }
}

/** The page a link to a line opens: what is around the line, as much on either side. */
export async function fetchAround(
  query: string,
  bounds: Bounds,
  ns: Nanos,
  signal?: AbortSignal,
): Promise<Page> {
  const half = pageLines / 2
  const middle = later(ns, 1n)
  const [older, newer] = await Promise.all([
    fetchPage(
      {
        query,
        bounds: { start: bounds.start, end: middle },
        cursor: null,
        direction: 'backward',
        limit: half,
      },
      signal,
    ),
    fetchPage(
      { query, bounds: { start: middle, end: bounds.end }, cursor: null, direction: 'forward', limit: half },
      signal,
    ),
  ])
  return {
    ...older,
    bounds,
    lines: [...[...newer.lines].reverse(), ...older.lines],
    newer: newer.next !== null,
  }
}

/** Where lines newer than those of a list begin. */
export function newestCursor(lines: readonly LogLine[], bounds: Bounds): Cursor {
  const newest = lines[0]
  return newest === undefined
    ? { ns: bounds.start, known: new Map() }
    : { ns: newest.ns, known: boundary(lines, newest.ns) }
}
