import { describe, expect, test } from 'vitest'
import { shareOf, stretchesOf, stripCells } from './strip'

const stateOf = (value: number) => (value > 0 ? 'up' : 'down')
const cells = (values: (number | null)[], holdMs = 10) =>
  stripCells(
    values.map((_, i) => (i + 1) * 10),
    values,
    { from: 0, to: values.length * 10, stepMs: 10, holdMs, stateOf },
  ).map((c) => `${c.state} ${c.from}-${c.until}`)

describe('stripCells', () => {
  test.each([
    ['joins what is alike', [1, 1, 1], 10, ['up 0-30']],
    ['tells states apart', [1, 0, 0, 1], 10, ['up 0-10', 'down 10-30', 'up 30-40']],
    ['leaves out what nobody measured', [1, null, null, null, 1], 10, ['up 0-10', 'up 40-50']],
    ['holds a sample until the next is due', [1, null, null, 0], 30, ['up 0-30', 'down 30-40']],
    ['extends the newest to the present', [1, 0, null], 10, ['up 0-10', 'down 10-30']],
    ['has nothing of nothing', [null, null], 10, []],
  ] as [string, (number | null)[], number, string[]][])('%s', (_, values, hold, want) => {
    expect(cells(values, hold)).toEqual(want)
  })

  test('stretches and shares', () => {
    const some = stripCells([10, 20, 30, 40], [1, 0, 1, 0], {
      from: 0,
      to: 40,
      stepMs: 10,
      holdMs: 10,
      stateOf,
    })
    expect(stretchesOf(some, ['down']).map((c) => c.from)).toEqual([30, 10])
    expect(shareOf(some, 'up')).toBe(0.5)
    expect(shareOf([], 'up')).toBeNull()
  })
})
