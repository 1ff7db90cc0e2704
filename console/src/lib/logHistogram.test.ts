import { expect, it } from 'vitest'
import { frameOf } from './frame'
import { histogramQuery, levelBars, topValuesQuery } from './logHistogram'

it('counts lines by level, also those a parser cannot read', () => {
  expect(histogramQuery('{a="b"} |= "x" # note', '15s')).toBe(
    'sum by (detected_level) (count_over_time({a="b"} |= "x" [15s]))',
  )
  expect(histogramQuery('{a="b"} | json', '1m')).toBe(
    'sum by (detected_level, level) (count_over_time({a="b"} | json | drop __error__, __error_details__ [1m]))',
  )
  expect(topValuesQuery('rate({a="b"} | x="1" [5m])', 'host', '1h', 10)).toBe(
    'topk(10, sum by (host) (count_over_time({a="b"} | x="1" [1h])))',
  )
  expect(histogramQuery('oops', '1m')).toBeNull()
})

it('fills the grid and joins series of one level', () => {
  const series = (metric: Record<string, string>, points: [number, number][]) => ({
    metric,
    times: points.map(([time]) => time),
    values: points.map(([, value]) => value),
    histograms: [],
  })
  const frame = frameOf([
    series({ detected_level: 'error' }, [[20, 2]]),
    series({ level: 'err' }, [
      [20, 1],
      [40, 5],
    ]),
    series({}, [[30, 4]]),
  ])
  const bars = levelBars(frame, 15, 38, 10)
  expect(bars.times).toEqual([15, 25, 35])
  expect(Object.fromEntries(bars.counts)).toEqual({ error: [3, 0, 5], unknown: [0, 4, 0] })
  expect(bars.total).toBe(12)
  expect(bars.told.get('error')).toMatchObject({ name: 'level', value: 'err' })
  expect(bars.told.get('unknown')).toMatchObject({ name: 'detected_level', value: '' })
})
