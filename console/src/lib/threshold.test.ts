import { describe, expect, it } from 'vitest'
import { thresholdOf } from './threshold'

describe('thresholdOf', () => {
  it.each([
    ['up == 0', 'up', '==', '0', 0],
    ['rate(x[5m]) > 0.5', 'rate(x[5m])', '>', '0.5', 0.5],
    ['(a / b) >= 90', '(a / b)', '>=', '90', 90],
    ['(a < 10)', 'a', '<', '10', 10],
    ['10 < a', 'a', '>', '10', 10],
    ['a > 2 * 1024', 'a', '>', '2 * 1024', 2048],
    ['a > -1', 'a', '>', '-1', -1],
    ['a > bool 1', 'a', '>', '1', 1],
    ['a > on (job) group_left b', 'a', '>', 'b', null],
    ['a > 5 and b > 1', 'a', '>', '5', 5],
    ['a > 5 unless on (x) b', 'a', '>', '5', 5],
    ['sum by (job) (up) < 3', 'sum by (job) (up)', '<', '3', 3],
    ['a{x=">"} != 1e3', 'a{x=">"}', '!=', '1e3', 1000],
  ])('%s', (expr, value, op, limit, number) => {
    expect(thresholdOf(expr)).toEqual({ value, op, limit, number })
  })

  it.each(['absent(up)', 'a or b', 'vector(1)', 'sum(a > 1)', '', 'a >'])('%s does not compare', (expr) => {
    expect(thresholdOf(expr)).toBeNull()
  })
})
