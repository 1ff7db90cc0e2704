import { expect, test } from 'vitest'
import type { HistogramBucket, HistogramValue } from '../api/types'
import { heatMap, quantile } from './heat'

const bucket = (lower: number, upper: number, count: number): HistogramBucket => ({
  boundaries: 0,
  lower,
  upper,
  count,
})
const histogram = (...buckets: HistogramBucket[]): HistogramValue => ({
  count: buckets.reduce((sum, b) => sum + b.count, 0),
  sum: 0,
  buckets,
})

test('quantiles lie on the logarithm within a bucket', () => {
  const h = histogram(bucket(1, 4, 2), bucket(4, 16, 2))
  expect(quantile(h, 0.25)).toBeCloseTo(2)
  expect(quantile(h, 0.5)).toBeCloseTo(4)
  expect(quantile(h, 0.75)).toBeCloseTo(8)
  expect(quantile(h, 1)).toBeCloseTo(16)
})

test('quantiles of odd buckets', () => {
  expect(quantile(histogram(), 0.5)).toBeNull()
  expect(quantile(histogram(bucket(-1, 1, 4)), 0.75)).toBeCloseTo(0.5)
  expect(quantile(histogram(bucket(-4, -1, 2)), 0.5)).toBeCloseTo(-2)
  expect(quantile(histogram(bucket(-Infinity, 5, 3)), 0.5)).toBe(5)
  expect(quantile(histogram(bucket(5, Infinity, 3)), 0.5)).toBe(5)
})

test('cells are as hot as they are dense on the axis', () => {
  const map = heatMap([
    { time: 1000, histogram: histogram(bucket(8, 16, 4), bucket(16, 64, 4)) },
    { time: 2000, histogram: histogram(bucket(8, 16, 1)) },
  ])
  expect(map?.low).toBe(8)
  expect(map?.high).toBe(64)
  expect(map?.linearWithin).toBe(8)
  expect(map?.cells.map((c) => c.time)).toEqual([1000, 1000, 2000])
  expect(map?.cells[0]?.heat).toBe(1)
  expect(map?.cells[2]?.heat).toBeCloseTo(0.25)
  expect(map?.cells[1]?.heat).toBeLessThan(0.6)
})

test('open and empty buckets', () => {
  expect(heatMap([{ time: 1, histogram: histogram(bucket(1, 2, 0)) }])).toBeNull()
  expect(heatMap([])).toBeNull()
  const open = heatMap([{ time: 1, histogram: histogram(bucket(-Infinity, 1, 1), bucket(1, Infinity, 1)) }])
  expect(open?.low).toBe(-1)
  expect(open?.high).toBe(2)
  expect(open?.cells.every((c) => Number.isFinite(c.low) && Number.isFinite(c.high))).toBe(true)
})
