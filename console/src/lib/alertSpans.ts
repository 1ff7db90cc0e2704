import type { Frame } from './frame'

/** A time during which an alert was in one state, in milliseconds since the epoch. */
export interface StateSpan {
  readonly state: 'pending' | 'firing'
  readonly from: number
  readonly until: number
}

/** The times at which series of `ALERTS` were there. */
export function stateSpans(frame: Frame, stepMs: number): StateSpan[] {
  const spans: StateSpan[] = []
  for (const { labels, values } of frame.series) {
    const state = labels.alertstate === 'pending' ? 'pending' : 'firing'
    let from: number | null = null
    let last = 0
    const close = () => {
      if (from !== null) spans.push({ state, from, until: last + stepMs })
      from = null
    }
    frame.times.forEach((time, index) => {
      if ((values[index] ?? null) === null || (from !== null && time - last > stepMs * 1.5)) close()
      if ((values[index] ?? null) === null) return
      from ??= time
      last = time
    })
    close()
  }
  return spans.sort((a, b) => a.from - b.from)
}
