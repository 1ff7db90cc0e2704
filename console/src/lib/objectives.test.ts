import { describe, expect, test } from 'vitest'
import { objectiveDecoder, objectiveDetailDecoder, type Objective } from '../api/objectives'
import {
  burnsByWindow,
  burnsTooFast,
  inConfiguration,
  objectiveTemplate,
  percentText,
  sortObjectives,
  withWindow,
} from './objectives'
import { readYaml, textAt, at } from './yamlTree'

const base = {
  name: 'checkout',
  service: null,
  description: '',
  target: 0.999,
  window: '30d',
  sli: { kind: 'ratio', good: 'a', total: 'b' },
  current: null,
  budgetRemaining: null,
  burnRates: { '5m': 0.4, '1h': null, '3d': 2 },
  state: 'ok',
  alerts: [],
  exhaustedAt: null,
  group: 'checkout',
}

const made = (change: Partial<Objective>): Objective => ({ ...objectiveDecoder(base, ''), ...change })

test('an answer is read, with null for what is not known', () => {
  expect(objectiveDecoder(base, '')).toMatchObject({ service: '', current: null, exhaustedAt: null })
  const ends = objectiveDecoder({ ...base, exhaustedAt: '2026-11-22T12:00:00Z' }, '')
  expect(ends.exhaustedAt).toBe(Date.UTC(2026, 10, 22, 12))
  expect(() => objectiveDetailDecoder(base, 'data')).toThrow('data.queries')
})

test.each([
  [0.99953, '99.953%'],
  [0.999, '99.9%'],
  [1, '100%'],
  [0.9999999, '99.99999%'],
  [0.5, '50%'],
  [-0.3, '-30%'],
])('%f is written as %s', (share, text) => expect(percentText(share)).toBe(text))

test('burn rates go from the longest window to the shortest', () => {
  expect(burnsByWindow(base.burnRates).map(({ window }) => window)).toEqual(['3d', '1h', '5m'])
})

test('an alert needs both of its windows', () => {
  const alert = {
    name: 'x',
    severity: 'page',
    long: '1h',
    short: '5m',
    factor: 14.4,
    state: 'inactive',
  } as const
  expect(burnsTooFast(alert, { '1h': 15, '5m': 20 })).toBe(true)
  expect(burnsTooFast(alert, { '1h': 15, '5m': 2 })).toBe(false)
  expect(burnsTooFast(alert, { '1h': 15 })).toBeNull()
})

describe('sortObjectives', () => {
  const all = [
    made({ name: 'b', state: 'ok', budgetRemaining: 0.5, burnRates: { '1h': 1 } }),
    made({ name: 'a', state: 'noData', burnRates: {} }),
    made({ name: 'c', state: 'burning', budgetRemaining: 0.7, burnRates: { '1h': 9 } }),
    made({ name: 'd', state: 'exhausted', budgetRemaining: -0.1, burnRates: { '1h': 0 } }),
  ]
  test.each([
    ['state', 'dcab'],
    ['budget', 'dbca'],
    ['burn', 'cbda'],
    ['name', 'abcd'],
  ] as const)('by %s', (sort, want) => {
    expect(
      sortObjectives(all, sort)
        .map(({ name }) => name)
        .join(''),
    ).toBe(want)
  })
})

test('a query is asked for a window', () => {
  expect(withWindow('a[$window] / b[$window]', '1h')).toBe('a[1h] / b[1h]')
})

test('what is written becomes an item of the list', () => {
  expect(inConfiguration('# why\nname: a\nratio:\n  good: x\n')).toBe(
    'objectives:\n  # why\n- name: a\n  ratio:\n    good: x\n',
  )
  expect(inConfiguration('- name: a\n  target: 99\n')).toBe('objectives:\n- name: a\n  target: 99\n')
  expect(inConfiguration('objectives:\n- name: a')).toBe('objectives:\n- name: a\n')
  for (const kind of ['ratio', 'latency', 'spans'] as const) {
    const list = at(readYaml(inConfiguration(objectiveTemplate(kind, 'my shop'))), 'objectives')
    expect(list?.kind === 'list' && textAt(list.items[0], 'service')).toBe('my shop')
  }
})
