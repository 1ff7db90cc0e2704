import { describe, expect, it } from 'vitest'
import type { RangeSeries } from '../api/types'
import { appendFrame, frameOf, labelsKey, stack, summarize, type Frame } from './frame'
import { withGaps } from './gaps'

const series = (name: string, points: Record<number, number>): RangeSeries => ({
  metric: { name },
  times: Object.keys(points).map(Number),
  values: Object.values(points),
  histograms: [],
})

type Points = Record<number, number | null>

function plain(frame: Frame): Record<string, Points> {
  const out: Record<string, Points> = {}
  for (const { labels, values } of frame.series) {
    const points: Points = {}
    frame.times.forEach((time, i) => (points[time] = values[i] ?? null))
    out[labels.name ?? ''] = points
  }
  return out
}

it('names a series by its labels whatever their order', () => {
  expect(labelsKey({ a: '1', b: '2' })).toBe(labelsKey({ b: '2', a: '1' }))
  expect(labelsKey({ a: '1' })).not.toBe(labelsKey({ a: '2' }))
})

it('joins series on one grid with holes as null', () => {
  const frame = frameOf([series('a', { 10: 1, 30: 3 }), series('b', { 20: 2 })])
  expect(frame.times).toEqual([10, 20, 30])
  expect(plain(frame)).toEqual({ a: { 10: 1, 20: null, 30: 3 }, b: { 10: null, 20: 2, 30: null } })
})

describe('appendFrame', () => {
  it('replaces the newest end and drops what left the window', () => {
    const known = frameOf([series('a', { 10: 1, 20: 2, 30: 3 })])
    const fresh = frameOf([series('a', { 30: 33, 40: 4 })])
    expect(plain(appendFrame(known, fresh, 30, 20))).toEqual({ a: { 20: 2, 30: 33, 40: 4 } })
  })

  it('keeps the place of known series and adds new ones behind', () => {
    const known = frameOf([series('a', { 10: 1 }), series('b', { 10: 2 })])
    const fresh = frameOf([series('c', { 20: 3 }), series('b', { 20: 2 })])
    expect(appendFrame(known, fresh, 20, 0).series.map((s) => s.labels.name)).toEqual(['a', 'b', 'c'])
  })

  it('forgets a series when its last point leaves', () => {
    const known = frameOf([series('a', { 10: 1 }), series('b', { 20: 2 })])
    const fresh = frameOf([series('b', { 30: 3 })])
    expect(plain(appendFrame(known, fresh, 30, 20))).toEqual({ b: { 20: 2, 30: 3 } })
  })

  it('equals one query over the whole window, appended step by step', () => {
    const value = (t: number) => (t % 70 === 0 ? null : t * t)
    const ask = (from: number, to: number) => {
      const points: Record<number, number> = {}
      for (let t = from; t <= to; t += 10) {
        const v = value(t)
        if (v !== null) points[t] = v
      }
      return frameOf([series('a', points)])
    }
    let frame = ask(0, 300)
    for (let now = 310; now <= 900; now += 10)
      frame = appendFrame(frame, ask(now - 30, now), now - 30, now - 300)
    expect(frame).toEqual(ask(600, 900))
  })
})

it('breaks lines where a step is missing', () => {
  const gapped = withGaps(frameOf([series('a', { 0: 1, 10: 2, 50: 3 })]), 10)
  expect(gapped.times).toEqual([0, 10, 20, 50])
  expect(gapped.series[0]?.values).toEqual([1, 2, null, 3])
  const whole = frameOf([series('a', { 0: 1, 10: 2 })])
  expect(withGaps(whole, 10)).toBe(whole)
})

it('summarizes and leaves out holes', () => {
  expect(summarize([null, 2, NaN, 4, null])).toEqual({ last: 4, min: 2, max: 4, mean: 3 })
  expect(summarize([null])).toEqual({ last: null, min: null, max: null, mean: null })
})

it('stacks over holes', () => {
  expect(
    stack([
      [1, 2, null],
      [1, null, 3],
      [1, 1, 1],
    ]),
  ).toEqual([
    [1, 2, null],
    [2, null, 3],
    [3, 3, 4],
  ])
})
