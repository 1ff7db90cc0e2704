import { expect, test } from 'vitest'
import { issueWindow } from './issueWindow'

const hour = 3_600_000

test('long ranges are cut at whole hours', () => {
  const { from, to, buckets } = issueWindow(10.5 * hour, 34.5 * hour)
  expect([from / hour, to / hour, buckets]).toEqual([10, 35, 25])
})

test('short ranges are cut finer, and none has too many parts', () => {
  expect(issueWindow(0, hour).buckets).toBe(60)
  for (const hours of [0.001, 0.25, 1, 5, 6, 24, 14 * 24, 90 * 24, 3000 * 24]) {
    const { from, to, buckets } = issueWindow(7, 7 + hours * hour)
    expect(buckets).toBeGreaterThan(0)
    expect(buckets).toBeLessThanOrEqual(62)
    expect((to - from) / buckets).toBe(Math.round((to - from) / buckets))
  }
})
