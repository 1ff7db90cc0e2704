import { exactTimeText } from './clockText'
import type { ZoneId } from './time'

/**
 * Times of log lines have nanoseconds, more than a double holds. They are kept as decimal text, the way the server
 * writes them, and turned into numbers only to be shown or drawn.
 */
export type Nanos = string

export const msOf = (ns: Nanos): number => Number(BigInt(ns) / 1_000_000n)

export const nanosOf = (ms: number): Nanos => (BigInt(Math.round(ms)) * 1_000_000n).toString()

/** The instant so many nanoseconds later. */
export const later = (ns: Nanos, by: bigint): Nanos => (BigInt(ns) + by).toString()

export function compareNanos(a: Nanos, b: Nanos): number {
  if (a.length === b.length) return a < b ? -1 : a > b ? 1 : 0
  return Number(BigInt(a) - BigInt(b) > 0n) * 2 - 1
}

/** The wall clock to the millisecond, and what is beyond it: `2026-11-21 14:03:05.123` and `456789`. */
export function nanosText(ns: Nanos, zone: ZoneId): { text: string; rest: string } {
  const ms = msOf(ns)
  const whole = exactTimeText(ms, zone)
  const text = whole.includes('.') ? whole : `${whole}.000`
  return { text, rest: (BigInt(ns) % 1_000_000n).toString().padStart(6, '0').replace(/0+$/, '') }
}
