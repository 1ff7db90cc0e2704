/** A bar of a histogram of durations: from (included) to (excluded), in milliseconds. */
export interface DurationBucket {
  readonly from: number
  readonly to: number
  readonly count: number
  readonly failed: number
}

/** Shorter than this is drawn as this: a logarithm knows no zero. */
export const shortestMs = 0.0001

const perDecade = 8

/** Whole powers of ten around durations, for the ends of an axis. */
export function decadesAround(durations: readonly number[]): readonly [number, number] {
  let low = Infinity
  let high = -Infinity
  for (const duration of durations) {
    const clamped = Math.max(duration, shortestMs)
    low = Math.min(low, clamped)
    high = Math.max(high, clamped)
  }
  if (low > high) return [1, 1000]
  const from = 10 ** Math.floor(Math.log10(low) + 1e-9)
  const to = 10 ** Math.ceil(Math.log10(high) - 1e-9)
  return [from, to > from ? to : from * 10]
}

/** Counts durations in bars of equal width on a logarithmic axis, those between them that are empty included. */
export function durationBuckets(
  points: readonly { readonly ms: number; readonly failed: boolean }[],
  [from, to]: readonly [number, number],
): DurationBucket[] {
  const bars = Math.max(Math.round(Math.log10(to / from) * perDecade), 1)
  const counts = Array.from({ length: bars }, () => ({ count: 0, failed: 0 }))
  for (const { ms, failed } of points) {
    const place = Math.floor(Math.log10(Math.max(ms, shortestMs) / from) * perDecade + 1e-9)
    const bar = counts[Math.min(Math.max(place, 0), bars - 1)]
    if (bar === undefined) continue
    bar.count++
    if (failed) bar.failed++
  }
  return counts.map(({ count, failed }, i) => ({
    from: from * 10 ** (i / perDecade),
    to: from * 10 ** ((i + 1) / perDecade),
    count,
    failed,
  }))
}

/** The duration that a share of all are shorter than. */
export function quantile(durations: readonly number[], share: number): number | null {
  if (durations.length === 0) return null
  const sorted = [...durations].sort((a, b) => a - b)
  return sorted[Math.min(Math.floor(sorted.length * share), sorted.length - 1)] ?? null
}
