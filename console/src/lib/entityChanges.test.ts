import { expect, test } from 'vitest'
import type { Neighbour } from '../api/entities'
import { changesOf } from './entityChanges'

const host = (from: number, to: number): Neighbour => ({
  type: 'host',
  id: 'web1',
  name: 'web1',
  relation: 'runs_on',
  incoming: false,
  from,
  to,
  health: 'ok',
})

const hour = 3_600_000
const range = { from: 0, to: 100 * hour }

test('an attribute became what it was before its next change', () => {
  const changes = changesOf(
    {
      attributes: { 'service.version': '1.3' },
      changes: [
        { time: 30, attribute: 'service.version', before: '1.2' },
        { time: 20, attribute: 'service.version', before: '1.1' },
      ],
      neighbours: [],
      firstSeen: 0,
      events: [],
    },
    range,
    50,
  )
  expect(changes.map((c) => (c.what === 'attribute' ? [c.time, c.before, c.after] : c.what))).toEqual([
    [30, '1.2', '1.3'],
    [20, '1.1', '1.2'],
  ])
})

test('relations begin and end, but not with the entity itself', () => {
  const of = (neighbour: Neighbour, now: number) =>
    changesOf(
      { attributes: {}, changes: [], neighbours: [neighbour], firstSeen: 0, events: [] },
      range,
      now,
    ).map(({ what, time }) => [what, time])
  expect(of(host(0, 10 * hour), 10 * hour)).toEqual([])
  expect(of(host(5 * hour, 10 * hour), 10.5 * hour)).toEqual([['begins', 5 * hour]])
  expect(of(host(5 * hour, 10 * hour), 12 * hour)).toEqual([
    ['ends', 10 * hour],
    ['begins', 5 * hour],
  ])
})
