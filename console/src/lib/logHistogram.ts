import type { Frame } from './frame'
import { levelIn, type Level } from './levels'
import { parses } from './logql/edit'
import { logQueryOf } from './logql/shape'

/** A line that a parser cannot read is a line all the same; without this the server would refuse to count it. */
const forgiving = '| drop __error__, __error_details__'

/** The lines of a query, fit to be counted. */
export function countable(query: string): string | null {
  const lines = logQueryOf(query)
  return lines === null ? null : parses(lines) ? `${lines} ${forgiving}` : lines
}

/** Lines by level over time. A level within the text of lines shows only to a query that takes them apart. */
export function histogramQuery(query: string, step: string): string | null {
  const lines = countable(query)
  if (lines === null) return null
  const by = parses(query) ? 'detected_level, level' : 'detected_level'
  return `sum by (${by}) (count_over_time(${lines} [${step}]))`
}

/** The most frequent values of a field, exactly, over a whole range. */
export function topValuesQuery(query: string, field: string, range: string, max: number): string | null {
  const lines = countable(query)
  return lines === null ? null : `topk(${max}, sum by (${field}) (count_over_time(${lines} [${range}])))`
}

/** All lines of a query over a whole range. */
export function totalQuery(query: string, range: string): string | null {
  const lines = countable(query)
  return lines === null ? null : `sum(count_over_time(${lines} [${range}]))`
}

export interface LevelBars {
  /** The middle of each bar. */
  readonly times: readonly number[]
  readonly counts: ReadonlyMap<Level, readonly number[]>
  /** The label and value by which most lines of a level have it. */
  readonly told: ReadonlyMap<Level, { readonly name: string; readonly value: string }>
  readonly total: number
}

/** Counts on a grid without holes; the server leaves out steps without lines, and counts each step up to its end. */
export function levelBars(frame: Frame, from: number, to: number, stepMs: number): LevelBars {
  const first = Math.ceil(from / stepMs) * stepMs
  const size = Math.max(Math.round((Math.ceil(to / stepMs) * stepMs - first) / stepMs) + 1, 1)
  const times = Array.from({ length: size }, (_, i) => first + i * stepMs - stepMs / 2)
  const counts = new Map<Level, number[]>()
  const told = new Map<Level, { name: string; value: string; lines: number }>()
  let total = 0
  for (const { labels, values } of frame.series) {
    const level = levelIn(labels)
    const row = counts.get(level) ?? new Array<number>(size).fill(0)
    counts.set(level, row)
    let lines = 0
    values.forEach((value, i) => {
      const at = Math.round(((frame.times[i] ?? 0) - first) / stepMs)
      if (value === null || at < 0 || at >= size) return
      row[at] = (row[at] ?? 0) + value
      lines += value
    })
    total += lines
    const name =
      labels.detected_level === undefined && labels.level !== undefined ? 'level' : 'detected_level'
    if (lines > (told.get(level)?.lines ?? 0)) told.set(level, { name, value: labels[name] ?? '', lines })
  }
  return { times, counts, told, total }
}
