import type { EventPage, ServerEvent } from '../api/events'
import { compareNanos } from './nanos'

/** Events that were fetched, the newest first, and where those behind them begin. */
export interface HeldEvents {
  /** What was asked for; an answer to another question begins anew. */
  readonly key: string
  readonly events: readonly ServerEvent[]
  readonly cursor: string | null
}

/** Two lists in one, the newest first, each event once. */
export function mergeEvents(a: readonly ServerEvent[], b: readonly ServerEvent[]): readonly ServerEvent[] {
  const known = new Set(a.map(({ key }) => key))
  const all = [...a, ...b.filter(({ key }) => !known.has(key))]
  return all.sort((x, y) => compareNanos(y.ns, x.ns))
}

/**
 * The newest page joined to what is held. If more came meanwhile than a page takes there would be a hole: then the list
 * begins anew.
 */
export function joinHead(held: HeldEvents | null, key: string, from: number, head: EventPage): HeldEvents {
  const fresh = { key, events: head.events, cursor: head.next }
  if (held?.key !== key) return fresh
  const oldest = head.events.at(-1)
  const newest = held.events[0]
  const hole =
    head.next !== null &&
    oldest !== undefined &&
    newest !== undefined &&
    compareNanos(oldest.ns, newest.ns) > 0
  if (hole || held.events.length === 0) return fresh
  const inRange = held.events.filter(({ time }) => time >= from)
  return { key, events: mergeEvents(head.events, inRange), cursor: held.cursor }
}

/** A further page behind what is held. */
export function joinPage(held: HeldEvents, page: EventPage): HeldEvents {
  return { ...held, events: mergeEvents(held.events, page.events), cursor: page.next }
}

/** What events are put in lanes by: a value, with its events; the fullest first, those beyond the most in one. */
export function eventLanes(
  events: readonly ServerEvent[],
  of: (event: ServerEvent) => string,
  totals: ReadonlyMap<string, number> | null,
  most: number,
): { readonly lanes: readonly string[]; readonly events: ReadonlyMap<string, readonly ServerEvent[]> } {
  const grouped = new Map<string, ServerEvent[]>()
  for (const event of events) {
    const key = of(event)
    const group = grouped.get(key)
    if (group === undefined) grouped.set(key, [event])
    else group.push(event)
  }
  const weight = (key: string) => totals?.get(key) ?? grouped.get(key)?.length ?? 0
  const names = [...new Set([...grouped.keys(), ...(totals?.keys() ?? [])])]
  const ordered = names.sort((a, b) => weight(b) - weight(a) || a.localeCompare(b))
  return { lanes: ordered.slice(0, most), events: grouped }
}
