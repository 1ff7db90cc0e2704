import type { LogLine } from './logLine'

/**
 * What a live tail shows. New lines push the oldest out; while it is paused they are held back, up to a bound, and what
 * is beyond that is dropped and counted. Lines are in the order of their arrival, the newest last.
 */
export interface TailBuffer {
  readonly lines: readonly LogLine[]
  readonly held: readonly LogLine[]
  readonly paused: boolean
  /** All that arrived since the tail began. */
  readonly received: number
  /** Arrived but not kept: more than may be held while paused, or not sent by a server that could not keep up. */
  readonly dropped: number
}

/** Lines that are shown, and that are held back. */
export const tailLinesMax = 5000

export const emptyTail: TailBuffer = { lines: [], held: [], paused: false, received: 0, dropped: 0 }

export function arrive(
  tail: TailBuffer,
  fresh: readonly LogLine[],
  droppedByServer: number,
  max = tailLinesMax,
): TailBuffer {
  const received = tail.received + fresh.length
  const dropped = tail.dropped + droppedByServer
  if (!tail.paused) return { ...tail, lines: [...tail.lines, ...fresh].slice(-max), received, dropped }
  const held = [...tail.held, ...fresh]
  const over = Math.max(held.length - max, 0)
  return { ...tail, held: held.slice(over), received, dropped: dropped + over }
}

export const pause = (tail: TailBuffer): TailBuffer => ({ ...tail, paused: true })

export function resume(tail: TailBuffer, max = tailLinesMax): TailBuffer {
  return { ...tail, paused: false, lines: [...tail.lines, ...tail.held].slice(-max), held: [] }
}

export const clear = (tail: TailBuffer): TailBuffer => ({ ...tail, lines: [], held: [] })
