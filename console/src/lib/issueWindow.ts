import type { IssueWindow } from '@/api/errors'

const minuteMs = 60_000
const hourMs = 60 * minuteMs
/** The server counts events one by one up to this, and by the hour beyond. */
const fineMs = 5.5 * hourMs
const partsMax = 60

const fine = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600].map((s) => s * 1000)
const coarse = [1, 2, 3, 6, 12, 24, 48, 96, 168, 336, 720, 2160, 8760].map((hours) => hours * hourMs)

/** A range widened to whole parts, as wide as the server can tell apart, and how many there are. */
export function issueWindow(from: number, to: number): IssueWindow {
  const span = to - from
  const steps = span <= fineMs ? fine : coarse
  const step = steps.find((width) => span / width <= partsMax) ?? Math.ceil(span / partsMax / hourMs) * hourMs
  const start = Math.floor(from / step) * step
  const end = Math.max(Math.ceil(to / step) * step, start + step)
  return { from: start, to: end, buckets: Math.round((end - start) / step) }
}
