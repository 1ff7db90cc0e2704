import { describe, expect, test } from 'vitest'
import type { ServiceCall } from '@/api/traceNumbers'
import { around, graphOf, groupId, grouped, healthOf, prefixOf } from './graph'
import { layoutOf, nextNode, nodeHeight, nodeWidth } from './layout'

const call = (client: string, server: string, connection = '', requests = 10, failed = 0): ServiceCall => ({
  client,
  server,
  connection,
  requests,
  failed,
  p50: 0.1,
  p95: 0.2,
  p99: null,
})

const shop = [
  call('user', 'shop-front', 'virtual_node', 100, 4),
  call('shop-front', 'shop-cart', '', 60),
  call('shop-front', 'bank', '', 40, 4),
  call('shop-cart', 'carts', 'database', 200),
  call('bank', 'mail.example', 'virtual_node', 5),
]

describe('services and calls', () => {
  test('have their kind and their figures', () => {
    const { nodes, edges } = graphOf(
      shop,
      new Map([['bank', { requests: 50, failed: 5, p50: 1, p95: 2, p99: 3 }]]),
    )
    expect(Object.fromEntries(nodes.map(({ id, type }) => [id, type]))).toEqual({
      user: 'user',
      'shop-front': 'service',
      'shop-cart': 'service',
      bank: 'service',
      carts: 'database',
      'mail.example': 'external',
    })
    expect(nodes.find(({ id }) => id === 'bank')).toMatchObject({ requests: 50, p95: 2 })
    expect(nodes.find(({ id }) => id === 'shop-cart')).toMatchObject({ requests: 60, p95: 0.2 })
    expect(edges).toHaveLength(5)
    expect(healthOf({ requests: 100, failed: 4 })).toBe('warn')
  })

  test('a group is one node until it is unfolded', () => {
    const graph = graphOf(shop, new Map())
    const by = (node: { readonly id: string }) => prefixOf(node.id)
    const folded = grouped(graph, by, new Set())
    expect(folded.nodes.map(({ id }) => id)).toContain(groupId('shop'))
    expect(folded.edges.map(({ id }) => id).sort()).toEqual([
      'bank→mail.example',
      'group:shop→bank',
      'group:shop→carts',
      'user→group:shop',
    ])
    // One alone is no group.
    expect(folded.nodes.map(({ id }) => id)).toContain('mail.example')
    expect(grouped(graph, by, new Set(['shop']))).toBe(graph)
  })

  test('the surroundings of one are those who call it and whom it calls', () => {
    const graph = graphOf(shop, new Map())
    const names = (hops: number) => around(graph, 'shop-cart', hops).nodes.map(({ id }) => id)
    expect(names(1)).toEqual(['carts', 'shop-cart', 'shop-front'])
    expect(names(2)).toEqual(['carts', 'shop-cart', 'shop-front', 'user'])
  })
})

describe('the drawing', () => {
  const overlaps = (places: readonly { readonly x: number; readonly y: number }[]) =>
    places.some((a, i) =>
      places
        .slice(i + 1)
        .some((b) => Math.abs(a.x - b.x) < nodeWidth - 1 && Math.abs(a.y - b.y) < nodeHeight - 1),
    )

  test('callers stand left of whom they call', () => {
    const graph = graphOf(shop, new Map())
    const { places } = layoutOf(graph)
    for (const { from, to } of graph.edges) expect(places.get(from)?.x).toBeLessThan(places.get(to)?.x ?? 0)
    expect(overlaps([...places.values()])).toBe(false)
    expect(nextNode(layoutOf(graph), 'user', 'right')).toBe('shop-front')
    expect(nextNode(layoutOf(graph), 'user', 'left')).toBeNull()
  })

  test('circles and services that call themselves are drawn, too', () => {
    const graph = graphOf([call('a', 'b'), call('b', 'c'), call('c', 'a'), call('c', 'c')], new Map())
    const { places } = layoutOf(graph)
    expect(places.size).toBe(3)
    expect(overlaps([...places.values()])).toBe(false)
  })

  test('two hundred services stand apart, in a sheet and not in a strip', () => {
    let state = 11
    const next = (n: number) => (state = (state * 48_271) % 2_147_483_647) % n
    const calls = Array.from({ length: 199 }, (_, i) => call(`s${next(i + 1)}`, `s${i + 1}`))
    const graph = graphOf(calls, new Map())
    const { places, width, height } = layoutOf(graph)
    expect(places.size).toBe(200)
    expect(overlaps([...places.values()])).toBe(false)
    expect(width / height).toBeGreaterThan(0.5)
    expect(width / height).toBeLessThan(5)
    expect(layoutOf(graph).places).toEqual(places)
  })
})
