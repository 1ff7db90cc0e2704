import { ms, type Milliseconds } from './brand'
import { formatDuration } from './duration'

const second = 1000
/** Steps people can read off an axis; every one divides the next larger calendar unit or is one. */
const ladder: readonly number[] = [
  1, 2, 5, 10, 15, 20, 30, 60, 120, 180, 300, 600, 900, 1200, 1800, 3600, 7200, 10800, 21600, 43200, 86400,
  172800, 604800, 1209600, 2592000,
].map((s) => s * second)

/** The smallest readable step that gives at most `points` points over `span`. */
export function chooseStep(span: Milliseconds, points: number): Milliseconds {
  const ideal = span / Math.max(points, 10)
  return ms(ladder.find((step) => step >= ideal * 0.999) ?? Math.ceil(ideal / 86_400_000) * 86_400_000)
}

/**
 * The window for `rate` and its kin: four samples at least, so that one late or lost scrape leaves no gap, and
 * never shorter than a step, so that no sample falls between two windows.
 */
export function rateWindow(step: Milliseconds, interval: Milliseconds): string {
  return formatDuration(ms(Math.max(4 * interval, step + interval)))
}

/** Widens a range to whole steps, so that successive queries land on the same grid and can be joined. */
export function alignRange(from: number, to: number, step: Milliseconds): { start: number; end: number } {
  return { start: Math.ceil(from / step) * step, end: Math.floor(to / step) * step }
}

/** The usual distance between neighbours; robust against a few gaps. Null with fewer than two samples. */
export function medianInterval(times: ArrayLike<number>): Milliseconds | null {
  const gaps: number[] = []
  for (let i = 1; i < times.length; i++) gaps.push((times[i] ?? 0) - (times[i - 1] ?? 0))
  if (gaps.length === 0) return null
  gaps.sort((a, b) => a - b)
  const middle = gaps[Math.floor(gaps.length / 2)] ?? 0
  return middle > 0 ? ms(Math.max(Math.round(middle / 1000) * 1000, 1000)) : null
}
