import type { HistogramPoint, HistogramValue } from '../api/types'

/** A rectangle of a heat map: values from `low` to `high` around one time. */
export interface HeatCell {
  readonly time: number
  readonly low: number
  readonly high: number
  /** 0 to 1: how many observations per width, against the densest cell. */
  readonly heat: number
}

export interface HeatMap {
  readonly cells: readonly HeatCell[]
  readonly low: number
  readonly high: number
  /** The smallest distance from zero of any bound but zero: where an axis must turn from logarithmic to linear. */
  readonly linearWithin: number
}

/** Bounds beyond all numbers are drawn this much farther out than the last finite one. */
const openEnded = 2

function finiteBounds(points: readonly HistogramPoint[]): number[] {
  const bounds = new Set<number>()
  for (const { histogram } of points) {
    for (const { lower, upper } of histogram.buckets) {
      if (Number.isFinite(lower)) bounds.add(lower)
      if (Number.isFinite(upper)) bounds.add(upper)
    }
  }
  return [...bounds].sort((a, b) => a - b)
}

/** Distances on an axis that is logarithmic but for a stretch around zero. */
function stretched(value: number, linearWithin: number): number {
  return Math.asinh(value / linearWithin)
}

/** The buckets of native histograms as cells; null if none of them holds anything. */
export function heatMap(points: readonly HistogramPoint[]): HeatMap | null {
  const bounds = finiteBounds(points)
  const first = bounds[0]
  const last = bounds[bounds.length - 1]
  if (first === undefined || last === undefined) return null
  const linearWithin = bounds.reduce(
    (least, b) => (b !== 0 && Math.abs(b) < least ? Math.abs(b) : least),
    Infinity,
  )
  const threshold = Number.isFinite(linearWithin) ? linearWithin : 1
  const low = points.some((p) => p.histogram.buckets.some((b) => b.lower === -Infinity))
    ? Math.min(first * openEnded, -Math.abs(first))
    : first
  const high = points.some((p) => p.histogram.buckets.some((b) => b.upper === Infinity))
    ? Math.max(last * openEnded, last + Math.abs(last))
    : last
  let densest = 0
  const dense = points.flatMap(({ time, histogram }) =>
    histogram.buckets.flatMap((bucket) => {
      const from = Math.max(bucket.lower, low)
      const to = Math.min(bucket.upper, high)
      const width = stretched(to, threshold) - stretched(from, threshold)
      if (bucket.count <= 0 || !(width > 0)) return []
      const density = bucket.count / width
      densest = Math.max(densest, density)
      return [{ time, low: from, high: to, density }]
    }),
  )
  if (dense.length === 0) return null
  const cells = dense.map((c) => ({ time: c.time, low: c.low, high: c.high, heat: c.density / densest }))
  return { cells, low, high, linearWithin: threshold }
}

/**
 * The value below which a share of the observations lies, or null without observations. Within a bucket of one sign the
 * values are taken to be spread evenly on a logarithmic axis, as the exponential bounds suggest, else on a linear one.
 */
export function quantile(histogram: HistogramValue, share: number): number | null {
  const held = histogram.buckets.filter((b) => b.count > 0)
  const total = held.reduce((sum, b) => sum + b.count, 0)
  if (!(total > 0)) return null
  const rank = share * total
  let below = 0
  for (const { lower, upper, count } of held) {
    if (below + count < rank) {
      below += count
      continue
    }
    if (lower === -Infinity) return upper
    if (upper === Infinity) return lower
    const part = (rank - below) / count
    if (lower > 0) return lower * (upper / lower) ** part
    if (upper < 0) return -Math.abs(lower) * (upper / lower) ** part
    return lower + (upper - lower) * part
  }
  return held[held.length - 1]?.upper ?? null
}
