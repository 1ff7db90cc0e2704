import type { Labels, RangeSeries } from '../api/types'

/** Range series joined on one time grid, the shape charts draw. Missing points are `null`. */
export interface Frame {
  /** Milliseconds since the epoch, ascending, one per column. */
  readonly times: readonly number[]
  readonly series: readonly FrameSeries[]
}

export interface FrameSeries {
  readonly key: string
  readonly labels: Labels
  readonly values: readonly (number | null)[]
}

export const emptyFrame: Frame = { times: [], series: [] }

/** Identity of a series whatever the order its labels came in. */
export function labelsKey(labels: Labels): string {
  const names = Object.keys(labels).sort()
  let key = ''
  for (const name of names) key += `${name}\u0001${labels[name] ?? ''}\u0002`
  return key
}

interface Source {
  readonly key: string
  readonly labels: Labels
  readonly times: readonly number[]
  readonly values: readonly (number | null)[]
}

function join(sources: readonly Source[]): Frame {
  const all = new Set<number>()
  for (const source of sources) for (const time of source.times) all.add(time)
  const times = [...all].sort((a, b) => a - b)
  const column = new Map(times.map((time, index) => [time, index]))
  const rows = new Map<string, { labels: Labels; values: (number | null)[] }>()
  for (const source of sources) {
    let row = rows.get(source.key)
    if (row === undefined) {
      row = { labels: source.labels, values: new Array<number | null>(times.length).fill(null) }
      rows.set(source.key, row)
    }
    for (let i = 0; i < source.times.length; i++) {
      row.values[column.get(source.times[i] ?? 0) ?? 0] = source.values[i] ?? null
    }
  }
  return { times, series: [...rows].map(([key, row]) => ({ key, ...row })) }
}

export function frameOf(series: readonly RangeSeries[]): Frame {
  return join(
    series.map((s) => ({ key: labelsKey(s.metric), labels: s.metric, times: s.times, values: s.values })),
  )
}

function slice(frame: Frame, keep: (time: number) => boolean): Source[] {
  const first = frame.times.findIndex(keep)
  if (first < 0) return []
  let end = first
  while (end < frame.times.length && keep(frame.times[end] ?? 0)) end++
  const times = frame.times.slice(first, end)
  return frame.series
    .map((s) => ({ key: s.key, labels: s.labels, times, values: s.values.slice(first, end) }))
    .filter((s) => s.values.some((value) => value !== null))
}

/**
 * Joins what is known with what a query over `[replaceFrom, ...)` just returned. The newer answer wins from
 * `replaceFrom` on, because a rate near the present still changes as samples arrive; what lies before `dropBefore`
 * has left the window.
 */
export function appendFrame(known: Frame, fresh: Frame, replaceFrom: number, dropBefore: number): Frame {
  const old = slice(known, (time) => time >= dropBefore && time < replaceFrom)
  const recent = slice(fresh, (time) => time >= dropBefore)
  const order = new Map<string, number>()
  for (const s of known.series) order.set(s.key, order.size)
  const joined = join([...old, ...recent])
  // Keep the place of known series, so that colours do not jump when one appears.
  const series = [...joined.series].sort((a, b) => (order.get(a.key) ?? 1e9) - (order.get(b.key) ?? 1e9))
  return { times: joined.times, series }
}

export interface SeriesSummary {
  readonly last: number | null
  readonly min: number | null
  readonly max: number | null
  readonly mean: number | null
}

export function summarize(values: readonly (number | null)[]): SeriesSummary {
  let last: number | null = null
  let min = Infinity
  let max = -Infinity
  let sum = 0
  let count = 0
  for (const value of values) {
    if (value === null || Number.isNaN(value)) continue
    last = value
    if (value < min) min = value
    if (value > max) max = value
    sum += value
    count++
  }
  return count === 0
    ? { last: null, min: null, max: null, mean: null }
    : { last, min, max, mean: sum / count }
}

/** Cumulative sums from the first series up; a hole in one series does not tear the ones above it. */
export function stack(rows: readonly (readonly (number | null)[])[]): (number | null)[][] {
  const base = new Array<number>(rows[0]?.length ?? 0).fill(0)
  return rows.map((row) =>
    row.map((value, i) => {
      if (value === null) return null
      base[i] = (base[i] ?? 0) + value
      return base[i] ?? null
    }),
  )
}
