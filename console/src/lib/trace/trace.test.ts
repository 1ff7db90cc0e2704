import { describe, expect, test } from 'vitest'
import { criticalPath, mainRoot } from './criticalPath'
import { found } from './find'
import { spansOf } from './testSpans'
import { ancestors, arrange, collapsedBelow, visibleRows } from './tree'

const names = (tree: ReturnType<typeof arrange>) => tree.spans.map(({ name }) => name).join(' ')

describe('order', () => {
  test('parents stand before their children, children by their start', () => {
    const tree = arrange(spansOf('late root 50 10\nearly root 10 20\nroot - 0 100\nleaf early 15 5'))
    expect(names(tree)).toBe('root early leaf late')
    expect([...tree.depth]).toEqual([0, 1, 2, 1])
    expect([...tree.end]).toEqual([4, 3, 3, 4])
    expect([...tree.self]).toEqual([70, 15, 5, 10])
    expect(ancestors(tree, 2)).toEqual([0, 1])
  })

  test('circles are cut at their earliest span', () => {
    const tree = arrange(spansOf('a b 5 1\nb a 3 1\nroot - 9 1'))
    expect(names(tree)).toBe('root b a')
    expect([...tree.parent]).toEqual([-1, -1, 1])
  })

  test('time that several children cover is taken once, and what outlives a span is not its own', () => {
    const tree = arrange(spansOf('root - 0 100\na root 10 40\nb root 30 40\nc root 90 50'))
    expect(tree.self[0]).toBe(100 - 60 - 10)
    expect(tree.duration).toBe(140)
  })

  test('folding hides descendants', () => {
    const tree = arrange(spansOf('root - 0 9\na root 1 5\nb a 2 1\nc root 7 1'))
    expect([...visibleRows(tree, new Set([1]))]).toEqual([0, 1, 3])
    expect([...visibleRows(tree, new Set([0, 1]))]).toEqual([0])
    expect([...collapsedBelow(tree, 1)]).toEqual([1])
  })

  test('a hundred thousand spans below each other need no deep recursion', () => {
    const deep = Array.from({ length: 100_000 }, (_, i) => `n${i} n${i - 1} ${i} ${200_000 - 2 * i}`)
    const tree = arrange(spansOf(deep.reverse().join('\n')))
    expect(tree.depthMax).toBe(99_999)
    expect(criticalPath(tree)).toHaveLength(199_999)
  })
})

describe('critical path', () => {
  const path = (text: string) => {
    const tree = arrange(spansOf(text))
    return criticalPath(tree).map(({ at, from, to }) => `${tree.spans[at]?.name ?? ''} ${from}-${to}`)
  }

  test('goes through the child that finished last', () => {
    expect(path('root - 0 100\na root 10 50\nb root 20 60')).toEqual(['root 0-20', 'b 20-80', 'root 80-100'])
  })

  test('goes through children that ran one after another', () => {
    expect(path('root - 0 100\na root 10 20\nb root 40 50\nc b 50 10')).toEqual([
      'root 0-10',
      'a 10-30',
      'root 30-40',
      'b 40-50',
      'c 50-60',
      'b 60-90',
      'root 90-100',
    ])
  })

  test('a child that outlives its parent counts to the end of the parent', () => {
    expect(path('root - 0 100\na root 80 100')).toEqual(['root 0-80', 'a 80-100'])
  })

  test('covers the main root without gaps, whatever the tree', () => {
    let state = 7
    const next = (n: number) => (state = (state * 48_271) % 2_147_483_647) % n
    for (let round = 0; round < 50; round++) {
      const rows = ['r - 0 1000']
      for (let i = 0; i < 60; i++) {
        const parent = i === 0 ? 'r' : next(3) === 0 ? 'r' : `s${next(i)}`
        rows.push(`s${i} ${parent} ${next(1000)} ${next(400)}`)
      }
      const tree = arrange(spansOf(rows.join('\n')))
      const parts = criticalPath(tree)
      expect(mainRoot(tree)).toBe(0)
      let cursor = 0
      for (const { from, to } of parts) {
        expect(from).toBe(cursor)
        cursor = to
      }
      expect(cursor).toBe(1000)
    }
  })
})

test('words are looked for in all that a span says', () => {
  const [one, two] = spansOf('first - 0 1 shop\nsecond - 0 1 cart')
  if (one === undefined || two === undefined) throw new Error('two spans')
  const spans = [one, { ...two, attributes: { 'http.url': 'https://x/Y', n: 5 } }]
  expect(found(spans, 'SHOP')).toEqual([0])
  expect(found(spans, 'cart http.url=https')).toEqual([1])
  expect(found(spans, 'n=5 shop')).toEqual([])
  expect(found(spans, ' ')).toEqual([])
})
