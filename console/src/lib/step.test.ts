import { describe, expect, it } from 'vitest'
import { ms } from './brand'
import { alignRange, chooseStep, medianInterval, rateWindow } from './step'

const minute = 60_000

describe('chooseStep', () => {
  it.each([
    [15 * minute, 450, 2000],
    [15 * minute, 900, 1000],
    [60 * minute, 450, 10_000],
    [24 * 60 * minute, 450, 300_000],
    [minute, 900, 1000],
    [365 * 24 * 60 * minute, 400, 86_400_000],
  ])('span %d over %d points takes %d', (span, points, step) => {
    expect(chooseStep(ms(span), points)).toBe(step)
  })

  it('never asks for more points than wanted, whatever the span', () => {
    for (let span = 1000; span < 4e12; span *= 3) {
      const step = chooseStep(ms(span), 500)
      expect(span / step).toBeLessThanOrEqual(501)
    }
  })
})

it('takes a rate over four samples, and over no less than a step', () => {
  expect(rateWindow(ms(2000), ms(1000))).toBe('4s')
  expect(rateWindow(ms(2000), ms(5000))).toBe('20s')
  expect(rateWindow(ms(300_000), ms(5000))).toBe('5m5s')
})

it('aligns ranges to one grid', () => {
  expect(alignRange(10_001, 20_999, ms(2000))).toEqual({ start: 12_000, end: 20_000 })
  expect(alignRange(12_000, 20_000, ms(2000))).toEqual({ start: 12_000, end: 20_000 })
})

it('finds how often a series is sampled despite gaps and jitter', () => {
  expect(medianInterval([0, 5001, 9998, 15_000, 40_000, 45_001])).toBe(5000)
  expect(medianInterval([0])).toBeNull()
  expect(medianInterval([0, 400])).toBe(1000)
})
