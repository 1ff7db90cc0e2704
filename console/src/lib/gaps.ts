import type { Frame } from './frame'

/**
 * Puts an empty column into every hole wider than the step, so that a line breaks where nothing was measured instead
 * of being drawn across.
 */
export function withGaps(frame: Frame, stepMs: number): Frame {
  const { times } = frame
  const holes: number[] = []
  for (let i = 1; i < times.length; i++) {
    if ((times[i] ?? 0) - (times[i - 1] ?? 0) > stepMs * 1.5) holes.push(i)
  }
  if (holes.length === 0) return frame
  const widen = <T>(row: readonly T[], hole: (index: number) => T): T[] => {
    const out: T[] = []
    let from = 0
    for (const index of holes) {
      for (let i = from; i < index; i++) out.push(row[i] as T)
      out.push(hole(index))
      from = index
    }
    for (let i = from; i < row.length; i++) out.push(row[i] as T)
    return out
  }
  return {
    times: widen(times, (index) => (times[index - 1] ?? 0) + stepMs),
    series: frame.series.map((s) => ({ ...s, values: widen(s.values, () => null) })),
  }
}
