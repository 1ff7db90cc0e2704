import { describe, expect, it } from 'vitest'
import {
  boundary,
  fieldOf,
  flatJson,
  formatOf,
  highlighted,
  joinPages,
  jsonOf,
  linesOf,
  topValues,
  withoutKnown,
  type RawStream,
} from './logLine'
import { compareNanos, msOf, nanosOf, nanosText } from './nanos'

const raw = (labels: Record<string, string>, ...lines: [ns: string, text: string][]): RawStream => ({
  labels,
  lines: lines.map(([ns, text]) => ({ ns, text, structured: {}, parsed: {} })),
})
const texts = (lines: readonly { text: string }[]) => lines.map(({ text }) => text)

const streams = [
  raw({ app: 'a' }, ['1700000000000000003', 'a3'], ['1700000000000000001', 'a1']),
  raw({ app: 'b' }, ['1700000000000000002', 'b2'], ['1700000000000000001', 'b1']),
]

it('merges streams by time, to the nanosecond', () => {
  expect(texts(linesOf(streams, 'newest'))).toEqual(['a3', 'b2', 'a1', 'b1'])
  expect(texts(linesOf(streams, 'oldest'))).toEqual(['a1', 'b1', 'b2', 'a3'])
})

it('gives a line the same id in every answer, and equal lines different ones', () => {
  const [first] = linesOf([raw({ app: 'a', host: 'x' }, ['5', 'same'])], 'newest')
  const [again] = linesOf([raw({ host: 'x', app: 'a' }, ['5', 'same'])], 'oldest')
  const [other] = linesOf([raw({ app: 'b', host: 'x' }, ['5', 'same'])], 'newest')
  expect(again?.id).toBe(first?.id)
  expect(other?.id).not.toBe(first?.id)
  const joined = joinPages([
    linesOf([raw({}, ['5', 'x'], ['5', 'x'])], 'newest'),
    linesOf([raw({}, ['5', 'x'])], 'newest'),
  ])
  expect(joined.map(({ id }) => id.replace(/^5-[^~]*/, ''))).toEqual(['', '~1', '~2'])
  const mixed = linesOf([raw({}, ['5', 'x'], ['5', 'y'], ['5', 'x'], ['4', 'x'])], 'newest')
  expect(joinPages([mixed]).map(({ id }) => id.includes('~'))).toEqual([false, false, true, false])
})

describe('pages meet at a moment', () => {
  const of = (...lines: [string, string][]) => linesOf([raw({}, ...lines)], 'newest')
  it('and nothing is lost or doubled there', () => {
    const first = of(['9', 'a'], ['8', 'b'], ['8', 'b'])
    // The next page is asked for from the same moment on, and begins with all lines of it.
    const next = of(['8', 'b'], ['8', 'b'], ['8', 'b'], ['8', 'c'], ['7', 'd'])
    expect(texts(withoutKnown(next, boundary(first, '8')))).toEqual(['b', 'c', 'd'])
  })
  it('also where several pages are of one moment', () => {
    const known = boundary([...of(['8', 'a']), ...of(['8', 'b'])], '8')
    expect(texts(withoutKnown(of(['8', 'a'], ['8', 'b'], ['8', 'c']), known))).toEqual(['c'])
    expect(texts(withoutKnown(of(['8', 'a']), new Map()))).toEqual(['a'])
  })
})

it('knows the level from what the server found, then from what the sender said', () => {
  const line = (structured: Record<string, string>, labels: Record<string, string>) =>
    linesOf([{ labels, lines: [{ ns: '1', text: '', structured, parsed: { level: 'debug' } }] }], 'newest')[0]
      ?.level
  expect(line({ detected_level: 'error' }, { level: 'info' })).toBe('error')
  expect(line({}, { detected_level: 'WARNING' })).toBe('warn')
  expect(line({}, {})).toBe('debug')
})

it('counts the values of a field', () => {
  const lines = linesOf(streams, 'newest')
  expect(topValues(lines, 'app', 1)).toEqual({ top: [{ value: 'a', count: 2 }], having: 4, distinct: 2 })
  expect(topValues(lines, 'host', 5)).toEqual({ top: [], having: 0, distinct: 0 })
  const own = lines.map((line) => fieldOf({ ...line, structured: { app: 'z' } }, 'app'))
  expect(new Set(own)).toEqual(new Set(['z']))
})

it('sees how lines are written', () => {
  const of = (...all: string[]) =>
    formatOf(linesOf([raw({}, ...all.map((t, i): [string, string] => [`${i + 1}`, t]))], 'newest'))
  expect(of('{"a":1}', '[1]', 'x')).toBe('json')
  expect(of('level=info msg="a b" x=1', 'a=1 b=2 c')).toBe('logfmt')
  expect(of('plain', 'GET /?a=1 200')).toBeNull()
  expect(of()).toBeNull()
  expect([jsonOf('{"a":'), jsonOf('3'), jsonOf(' [1]')]).toEqual([null, null, [1]])
})

it('takes documents apart as the server does', () => {
  expect(flatJson({ a: 1, 'b.c': true, d: { e: 'x', f: [1], g: null }, d_e: 'later' })).toEqual({
    a: '1',
    b_c: 'true',
    d_e: 'x',
  })
  expect(flatJson([1])).toEqual({})
})

it('marks what was searched for', () => {
  expect(highlighted('A (b) a', ['a', '(B)'])).toEqual([
    { text: 'A', hit: true },
    { text: ' ', hit: false },
    { text: '(b)', hit: true },
    { text: ' ', hit: false },
    { text: 'a', hit: true },
  ])
  expect(highlighted('x', [''])).toEqual([{ text: 'x', hit: false }])
})

it('keeps nanoseconds', () => {
  expect(msOf('1700000000123456789')).toBe(1_700_000_000_123)
  expect(nanosOf(1_700_000_000_123)).toBe('1700000000123000000')
  expect(compareNanos('999', '1000')).toBe(-1)
  expect(compareNanos('1700000000123456789', '1700000000123456788')).toBe(1)
  expect(nanosText('1700000000123456700', 'utc')).toEqual({ text: '2023-11-14 22:13:20.123', rest: '4567' })
  expect(nanosText('1700000000000000000', 'utc')).toEqual({ text: '2023-11-14 22:13:20.000', rest: '' })
})
