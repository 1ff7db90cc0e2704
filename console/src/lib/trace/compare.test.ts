import { describe, expect, test } from 'vitest'
import type { ComparedSpans } from '@/api/traceNumbers'
import { setApart } from './apart'
import { diffState, diffTraces, onlyDifferent } from './diff'
import { arrange } from './tree'
import { spansOf } from './testSpans'

const tree = (text: string) => arrange(spansOf(text))

describe('two traces', () => {
  const a = tree('root - 0 100\ncall root 10 20\ncall~2 root 40 20\ncache root 70 5\ndeep cache 71 1')
  const b = tree('root - 0 200\ncall root 10 150\nextra root 170 10')
  const nodes = diffTraces(a, b)
  const line = nodes.map(
    ({ name, depth, a: left, b: right, end }) =>
      `${name}/${depth}/${left?.count ?? '-'}/${right?.count ?? '-'}/${end}`,
  )

  test('are one tree: repeated operations are one node, what only one has stands in its place', () => {
    expect(line).toEqual(['root/0/1/1/5', 'call/1/2/1/2', 'cache/1/1/-/4', 'deep/2/1/-/4', 'extra/1/-/1/5'])
  })

  test('tell what became of each path', () => {
    expect(nodes.map((node) => diffState(node, 200))).toEqual([
      'slower',
      'slower',
      'missing',
      'missing',
      'added',
    ])
  })

  test('with themselves are the same', () => {
    const same = diffTraces(a, a)
    expect(onlyDifferent(same, 100)).toEqual([])
    expect(same).toHaveLength(4)
  })

  test('what is above a difference stays', () => {
    const c = tree(
      'root - 0 100\ncall root 10 20\ncall~2 root 40 20\ncache root 70 5\ndeep cache 71 1\nnew deep 71 1',
    )
    expect(onlyDifferent(diffTraces(a, c), 100).map(({ name }) => name)).toEqual([
      'root',
      'cache',
      'deep',
      'new',
    ])
  })
})

test('attributes that set a group apart come first', () => {
  const value = (group: 'baseline' | 'selection', field: string, text: string, count: number) => ({
    group,
    field,
    value: text,
    literal: text,
    count,
  })
  const of: ComparedSpans = {
    values: [
      value('baseline', 'kind', 'server', 90),
      value('selection', 'kind', 'server', 10),
      value('baseline', 'region', 'west', 90),
      value('selection', 'region', 'south', 10),
      value('baseline', 'id', '1', 1),
      value('selection', 'id', '2', 1),
      value('selection', 'message', 'no', 5),
    ],
    totals: [
      { group: 'baseline', field: 'kind', count: 90 },
      { group: 'selection', field: 'kind', count: 10 },
      { group: 'baseline', field: 'region', count: 90 },
      { group: 'selection', field: 'region', count: 10 },
      { group: 'baseline', field: 'id', count: 90 },
      { group: 'selection', field: 'id', count: 10 },
      { group: 'selection', field: 'message', count: 5 },
    ],
    tooMany: new Map([['id', 100]]),
  }
  const { attributes, selection, baseline } = setApart(of)
  expect([selection, baseline]).toEqual([10, 90])
  expect(attributes.map(({ field, score }) => [field, score])).toEqual([
    ['region', 1],
    ['message', 0.5],
    ['id', 0],
    ['kind', 0],
  ])
  expect(attributes[0]?.values[0]).toMatchObject({ value: 'south', selection: 1, baseline: 0 })
})
