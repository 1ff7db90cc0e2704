import { expect, test } from 'vitest'
import { decadesAround, durationBuckets, quantile } from './buckets'

test('an axis spans whole decades', () => {
  expect(decadesAround([])).toEqual([1, 1000])
  expect(decadesAround([10])).toEqual([10, 100])
  expect(decadesAround([12, 340])).toEqual([10, 1000])
  expect(decadesAround([0])[0]).toBeCloseTo(0.0001)
})

test('every duration is counted once, at the place where it is drawn', () => {
  const points = [10, 10.1, 99.9, 100, 1000].map((ms, i) => ({ ms, failed: i === 0 }))
  const bars = durationBuckets(points, [10, 1000])
  expect(bars).toHaveLength(16)
  expect(bars.reduce((sum, { count }) => sum + count, 0)).toBe(5)
  expect(bars[0]).toMatchObject({ count: 2, failed: 1 })
  expect(bars[7]?.count).toBe(1)
  expect(bars[8]?.count).toBe(1)
  expect(bars[15]?.count).toBe(1)
})

test('quantiles are values that are there', () => {
  expect(quantile([], 0.9)).toBeNull()
  expect(quantile([3, 1, 2], 0.5)).toBe(2)
  expect(quantile([1, 2, 3, 4], 1)).toBe(4)
})
