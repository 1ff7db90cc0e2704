import { afterEach, describe, expect, it, vi } from 'vitest'
import { joinPages } from '@/lib/logLine'
import { fetchAround, fetchPage, newestCursor, type Cursor, type Page } from './pages'

interface Stored {
  readonly ns: bigint
  readonly app: string
  readonly text: string
}

afterEach(() => vi.unstubAllGlobals())

/** A server that holds some lines and answers as the real one does: at most so many, grouped by stream. */
function serving(stored: readonly Stored[]): { asked: () => number } {
  let asked = 0
  vi.stubGlobal('fetch', (address: string) => {
    asked++
    const params = new URL(address, 'http://server').searchParams
    const get = (name: string) => BigInt(params.get(name) ?? '0')
    const backward = params.get('direction') === 'backward'
    const inside = stored.filter(({ ns }) => ns >= get('start') && ns < get('end'))
    inside.sort((a, b) => (a.ns < b.ns ? -1 : a.ns > b.ns ? 1 : 0) * (backward ? -1 : 1))
    const found = inside.slice(0, Number(params.get('limit')))
    const result = [...new Set(found.map(({ app }) => app))].sort().map((app) => ({
      stream: { app },
      values: found.filter((line) => line.app === app).map(({ ns, text }) => [ns.toString(), text, {}]),
    }))
    return Promise.resolve(
      new Response(JSON.stringify({ status: 'success', data: { resultType: 'streams', result } })),
    )
  })
  return { asked: () => asked }
}

const bounds = { start: '1000', end: '2000' }
const query = '{app=~".+"}'

async function everything(direction: 'backward' | 'forward', limit: number): Promise<string[]> {
  const pages: Page[] = []
  let cursor: Cursor | null = null
  do {
    const page: Page = await fetchPage({ query, bounds, cursor, direction, limit })
    pages.push(page)
    cursor = page.next
  } while (cursor !== null && pages.length < 1000)
  return joinPages(pages.map(({ lines }) => lines)).map(
    ({ ns, stream, text }) => `${ns} ${stream.app ?? ''} ${text}`,
  )
}

/** A small generator, so that a failure can be repeated. */
function random(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state % below
  }
}

describe('pages hold every line of a range once', () => {
  it.each([1, 2, 3, 4, 5, 6, 7, 8])('seed %i', async (seed) => {
    const next = random(seed)
    // Few moments, so that many lines share one, and few texts, so that some of those are equal.
    const stored = Array.from({ length: 60 }, () => ({
      ns: BigInt(990 + next(3) * 7 + next(1 + seed) * 40),
      app: `a${next(3)}`,
      text: `t${next(4)}`,
    }))
    serving(stored)
    const expected = stored
      .filter(({ ns }) => ns >= 1000n && ns < 2000n)
      .map(({ ns, app, text }) => `${ns} ${app} ${text}`)
      .sort()
    for (const limit of [1, 2, 5, 100]) {
      for (const direction of ['backward', 'forward'] as const) {
        const found = await everything(direction, limit)
        expect([...found].sort(), `${direction} by ${limit}`).toEqual(expected)
        const times = found.map((line) => Number(line.split(' ')[0]))
        expect(times).toEqual([...times].sort((a, b) => (direction === 'backward' ? b - a : a - b)))
      }
    }
  })
})

it('begins around a line, with as much on either side', async () => {
  serving(Array.from({ length: 900 }, (_, i) => ({ ns: BigInt(1050 + i), app: 'a', text: `${i}` })))
  const page = await fetchAround(query, bounds, '1500')
  expect(page.lines.map(({ text }) => text).slice(0, 2)).toEqual(['899', '898'])
  expect([page.newer, page.next]).toEqual([false, null])
  serving(Array.from({ length: 990 }, (_, i) => ({ ns: BigInt(1005 + i), app: 'a', text: `${i}` })))
  const middle = await fetchAround(query, bounds, '1100')
  expect([middle.newer, middle.lines.at(-1)?.text, middle.lines[500]?.text]).toEqual([true, '0', '95'])
})

it('goes on from the newest line for what comes later', async () => {
  const line = (ns: number, text: string) => ({ ns: BigInt(ns), app: 'a', text })
  serving([line(1010, 'x'), line(1020, 'y')])
  const first = await fetchPage({ query, bounds, cursor: null, direction: 'backward' })
  serving([line(1010, 'x'), line(1020, 'y'), line(1020, 'y'), line(1030, 'z')])
  const cursor = newestCursor(first.lines, bounds)
  const more = await fetchPage({ query, bounds, cursor, direction: 'forward' })
  expect(more.lines.map(({ text }) => text)).toEqual(['y', 'z'])
  expect(newestCursor([], bounds)).toEqual({ ns: '1000', known: new Map() })
})
