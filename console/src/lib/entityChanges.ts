import type { AttributeChange, Neighbour } from '../api/entities'
import type { ServerEvent } from '../api/events'
import type { Labels } from '../api/types'

/** Something about an entity that became different. */
export type Change =
  | { readonly what: 'event'; readonly time: number; readonly event: ServerEvent }
  | {
      readonly what: 'attribute'
      readonly time: number
      readonly name: string
      readonly before: string
      readonly after: string
    }
  | { readonly what: 'begins' | 'ends'; readonly time: number; readonly neighbour: Neighbour }

/** Kinds of events that change what they are about; others only happen to it. */
const changing: readonly string[] = [
  'deploy',
  'release',
  'config',
  'restart',
  'start',
  'stop',
  'reboot',
  'alert',
  'unit_restarted',
  'unit_failed',
  'oom_kill',
  'scale',
  'rollback',
  'kubernetes',
]

/** A relation that was not seen for so long has ended, as the catalogue has it. */
const endedMs = 3_600_000

interface Sources {
  readonly attributes: Labels
  /** The newest first. */
  readonly changes: readonly AttributeChange[]
  readonly neighbours: readonly Neighbour[]
  readonly firstSeen: number | null
  readonly events: readonly ServerEvent[]
}

/** What changed in a range, the newest first. */
export function changesOf(
  { attributes, changes, neighbours, firstSeen, events }: Sources,
  range: { readonly from: number; readonly to: number },
  now: number,
): readonly Change[] {
  const all: Change[] = []
  // What an attribute became is what it was before its next change.
  const next = new Map<string, string>(Object.entries(attributes))
  for (const { time, attribute, before } of changes) {
    all.push({ what: 'attribute', time, name: attribute, before, after: next.get(attribute) ?? '' })
    next.set(attribute, before)
  }
  for (const neighbour of neighbours) {
    // What was there when the entity was seen first is no change of it.
    if (firstSeen === null || neighbour.from > firstSeen + 60_000)
      all.push({ what: 'begins', time: neighbour.from, neighbour })
    if (now - neighbour.to > endedMs) all.push({ what: 'ends', time: neighbour.to, neighbour })
  }
  for (const event of events) {
    if (changing.includes(event.kind)) all.push({ what: 'event', time: event.time, event })
  }
  return all.filter(({ time }) => time >= range.from && time <= range.to).sort((a, b) => b.time - a.time)
}
