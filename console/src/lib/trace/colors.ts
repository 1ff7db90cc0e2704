import { seriesColor, type Scheme } from '@/lib/palette'

/** Colours there are before they repeat. */
const colorsMax = 12

function hash(text: string): number {
  let h = 2_166_136_261
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 16_777_619)
  return h >>> 0
}

/**
 * A colour for each service: the one its name stands for, so that it is the same wherever it is shown, or the next that
 * is free while there are fewer services than colours.
 */
export function serviceColors(names: Iterable<string>, scheme: Scheme): ReadonlyMap<string, string> {
  const sorted = [...new Set(names)].sort()
  const taken = new Set<number>()
  const out = new Map<string, string>()
  for (const name of sorted) {
    let slot = hash(name) % colorsMax
    while (taken.size < colorsMax && taken.has(slot)) slot = (slot + 1) % colorsMax
    taken.add(slot)
    out.set(name, seriesColor(slot, scheme))
  }
  return out
}
