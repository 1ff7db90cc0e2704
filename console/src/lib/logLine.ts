import type { Labels } from '../api/types'
import type { Origin } from './logql/edit'
import { levelIn, type Level } from './levels'
import { compareNanos, msOf, type Nanos } from './nanos'

/** One line of a log, with its labels told apart by where they are from. */
export interface LogLine {
  /** Time, and a hash of all else; equal lines of one moment are numbered. The same in every answer. */
  readonly id: string
  readonly ns: Nanos
  readonly ms: number
  readonly text: string
  readonly stream: Labels
  readonly structured: Labels
  readonly parsed: Labels
  readonly level: Level
}

/** A line as it arrives; its stream is shared by many. */
export interface RawLine {
  readonly ns: Nanos
  readonly text: string
  readonly structured: Labels
  readonly parsed: Labels
}

export interface RawStream {
  readonly labels: Labels
  readonly lines: readonly RawLine[]
}

export type Order = 'newest' | 'oldest'

/** FNV-1a over UTF-16 units, 32 bits, continued from a seed. */
function fnv(text: string, seed: number): number {
  let hash = seed
  for (let i = 0; i < text.length; i++) {
    hash ^= text.charCodeAt(i)
    hash = Math.imul(hash, 0x01000193)
  }
  return hash >>> 0
}

const labelText = (labels: Labels): string =>
  Object.keys(labels)
    .sort()
    .map((name) => `${name}\u0001${labels[name] ?? ''}`)
    .join('\u0002')

/** All lines of an answer in one order. Lines of one moment keep the order of the answer. */
export function linesOf(streams: readonly RawStream[], order: Order): LogLine[] {
  const all: LogLine[] = []
  for (const { labels, lines } of streams) {
    const seed = fnv(labelText(labels), 0x811c9dc5)
    for (const { ns, text, structured, parsed } of lines) {
      const hash = fnv(text, fnv(labelText(structured), seed))
      all.push({
        id: `${ns}-${hash.toString(36)}`,
        ns,
        ms: msOf(ns),
        text,
        stream: labels,
        structured,
        parsed,
        level: levelIn(structured, parsed, labels),
      })
    }
  }
  const sign = order === 'newest' ? -1 : 1
  return all.sort((a, b) => sign * compareNanos(a.ns, b.ns))
}

/**
 * Joins pages into one list, and numbers equal lines, so that each has an id of its own. Equal lines are of one moment,
 * and so beside each other but for others of that moment. What a page repeats of the one before it was left out already.
 */
export function joinPages(pages: readonly (readonly LogLine[])[]): LogLine[] {
  const all = pages.length === 1 ? [...(pages[0] ?? [])] : pages.flat()
  let seen: Map<string, number> | null = null
  for (let i = 1; i < all.length; i++) {
    const line = all[i]
    const before = all[i - 1]
    if (line === undefined || before === undefined) break
    if (line.ns !== before.ns) {
      seen = null
      continue
    }
    seen ??= new Map([[before.id, 1]])
    const times = seen.get(line.id) ?? 0
    seen.set(line.id, times + 1)
    if (times > 0) all[i] = { ...line, id: `${line.id}~${times}` }
  }
  return all
}

/** How often each line stands at the moment where a page ends; the next page begins with the same moment. */
export function boundary(lines: readonly LogLine[], ns: Nanos): ReadonlyMap<string, number> {
  const counts = new Map<string, number>()
  for (const line of lines) if (line.ns === ns) counts.set(line.id, (counts.get(line.id) ?? 0) + 1)
  return counts
}

/** A page without what is known of the moment it begins at. */
export function withoutKnown(lines: readonly LogLine[], known: ReadonlyMap<string, number>): LogLine[] {
  if (known.size === 0) return [...lines]
  const left = new Map(known)
  return lines.filter(({ id }) => {
    const count = left.get(id) ?? 0
    if (count > 0) left.set(id, count - 1)
    return count === 0
  })
}

/** What a field of a line holds; what is parsed or sent along counts more than the stream, as in queries. */
export const fieldOf = (line: LogLine, name: string): string | undefined =>
  line.structured[name] ?? line.parsed[name] ?? line.stream[name]

export const originOf = (line: LogLine, name: string): Origin =>
  name in line.structured ? 'structured' : name in line.parsed ? 'parsed' : 'stream'

export interface ValueCount {
  readonly value: string
  readonly count: number
}

/** The most frequent values of a field among some lines, and how many of the lines have the field at all. */
export function topValues(
  lines: readonly LogLine[],
  name: string,
  max: number,
): { top: ValueCount[]; having: number; distinct: number } {
  const counts = new Map<string, number>()
  let having = 0
  for (const line of lines) {
    const value = fieldOf(line, name)
    if (value === undefined) continue
    having++
    counts.set(value, (counts.get(value) ?? 0) + 1)
  }
  const top = [...counts]
    .map(([value, count]) => ({ value, count }))
    .sort((a, b) => b.count - a.count || a.value.localeCompare(b.value))
    .slice(0, max)
  return { top, having, distinct: counts.size }
}

/** Lines looked at to say how they are written. */
const formatSample = 50

/** How most of the lines are written, if they can be taken apart. */
export function formatOf(lines: readonly LogLine[]): 'json' | 'logfmt' | null {
  const sample = lines.slice(0, formatSample)
  const share = (test: (text: string) => boolean) =>
    sample.filter(({ text }) => test(text)).length / sample.length
  if (sample.length === 0) return null
  if (share((text) => jsonOf(text) !== null) > 0.5) return 'json'
  return share((text) => /^(?:[\w.-]+=(?:"(?:[^"\\]|\\.)*"|\S*)\s+){2}/.test(text)) > 0.5 ? 'logfmt' : null
}

/** Longer lines are not taken apart in the browser. */
const jsonMax = 200_000

/** The JSON object or list a line holds. */
export function jsonOf(text: string): object | null {
  const first = text.trimStart()[0]
  if ((first !== '{' && first !== '[') || text.length > jsonMax) return null
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' ? value : null
  } catch {
    return null
  }
}

/** Depth to which a document is taken apart. */
const depthMax = 8

/** The fields of a document as the server's `json` names them: nested names are joined, lists are left out. */
export function flatJson(document: object): Labels {
  const out: Record<string, string> = {}
  const visit = (value: object, prefix: string, depth: number) => {
    for (const [key, entry] of Object.entries(value) as [string, unknown][]) {
      const name = `${prefix}${key.replace(/[^a-zA-Z0-9_]/g, '_')}`
      if (typeof entry === 'string') out[name] ??= entry
      else if (typeof entry === 'number' || typeof entry === 'boolean') out[name] ??= String(entry)
      else if (typeof entry === 'object' && entry !== null && !Array.isArray(entry) && depth < depthMax)
        visit(entry, `${name}_`, depth + 1)
    }
  }
  if (!Array.isArray(document)) visit(document, '', 0)
  return out
}

export interface Piece {
  readonly text: string
  readonly hit: boolean
}

/** A text in pieces, those that were searched for apart; in any case where the search asked so is close enough. */
export function highlighted(text: string, searched: readonly string[]): Piece[] {
  const wanted = searched.filter((s) => s !== '')
  if (wanted.length === 0) return [{ text, hit: false }]
  const pattern = wanted.map((s) => s.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('|')
  return text
    .split(new RegExp(`(${pattern})`, 'gi'))
    .flatMap((piece, index) => (piece === '' ? [] : [{ text: piece, hit: index % 2 === 1 }]))
}
