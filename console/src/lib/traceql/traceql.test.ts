import { describe, expect, test } from 'vitest'
import {
  conditionsOf,
  durationLiteral,
  filterOf,
  filtersOf,
  guessed,
  literal,
  narrowed,
  plain,
  scoped,
  toggled,
  withFilter,
} from './filter'
import { completionPlace } from './place'
import { isMetric, tokensOf, withStage } from './tokens'

describe('tokens', () => {
  test.each([
    ['{ span.http.status_code >= 500 }', 'open name operator number close'],
    ['{ resource."a b".c = "x\\"y" && !kind', 'open name operator string operator operator name'],
    ['{ } !>> { duration > 1h30m }', 'open close operator open name operator number close'],
    [
      '{ } | by(name) | count() > 2 // why',
      'open close pipe keyword open name close pipe function open close operator number comment',
    ],
    ['{ status = error || .x =~ `a|b` }', 'open name operator constant operator name operator string close'],
    ['{ name = "half', 'open name operator string'],
  ])('%s', (text, kinds) => {
    expect(
      tokensOf(text)
        .map(({ kind }) => kind)
        .join(' '),
    ).toBe(kinds)
  })

  test('each text is covered, whatever it is', () => {
    for (const text of ['"', '`', '/*', '\\', '{{{', '.', '."', 'a"b', '€ ∑ \u0000']) {
      const tokens = tokensOf(text)
      expect(tokens.map((token) => token.text).join('')).toBe(text.replace(/\s/g, ''))
    }
  })

  test('numbers over time are told from spans', () => {
    expect(isMetric('{ } | rate() by (name)')).toBe(true)
    expect(isMetric('{ name = "rate()" } | count() > 2')).toBe(false)
  })

  test('a stage is put behind the query and before its hints', () => {
    expect(withStage('', 'select(kind)')).toBe('{ } | select(kind)')
    expect(withStage('{ } // all', 'select(kind)')).toBe('{ } | select(kind)')
    expect(withStage('{ } with (most_recent=true)', 'select(kind)')).toBe(
      '{ } | select(kind) with (most_recent=true)',
    )
  })
})

describe('filters', () => {
  test('are read and written', () => {
    const text = '{ resource.service.name = "shop" && duration >= 1.5s && span.n > -3 && status != ok }'
    const conditions = conditionsOf(text)
    expect(conditions).toHaveLength(4)
    expect(filterOf(conditions ?? [])).toBe(text)
    expect(filtersOf(conditions ?? [])).toMatchObject({ service: 'shop', atLeast: '1.5s', status: null })
    expect(conditionsOf(' ')).toEqual([])
    expect(conditionsOf('{}')).toEqual([])
  })

  test.each([
    '{ a = 1 || b = 2 }',
    '{ } | count() > 1',
    '{ .a = 1 } >> { }',
    '{ .a + 1 = 2 }',
    '{ .a = 1 && }',
    '{ !.a }',
    '{ .a = 1',
  ])('%s is more than a filter', (text) => {
    expect(conditionsOf(text)).toBeNull()
  })

  test('controls change their own condition and leave the others', () => {
    const conditions = conditionsOf('{ .a = 1 && name = "x" }') ?? []
    expect(filterOf(withFilter(conditions, 'operation', 'a "b"'))).toBe('{ .a = 1 && name = "a \\"b\\"" }')
    expect(filterOf(withFilter(conditions, 'operation', null))).toBe('{ .a = 1 }')
    expect(filterOf(withFilter(conditions, 'status', 'error'))).toBe(
      '{ .a = 1 && name = "x" && status = error }',
    )
  })

  test('a condition that stands already is taken back', () => {
    const condition = { field: 'span.x', op: '=', value: '1' }
    const once = toggled('{ }', condition)
    expect(once).toBe('{ span.x = 1 }')
    expect(toggled(once ?? '', condition)).toBe('{ }')
    expect(toggled('{ } | count() > 1', condition)).toBeNull()
  })

  test('narrowing replaces a duration and stands behind what is no filter', () => {
    const more = [
      { field: 'duration', op: '>=', value: '1s' },
      { field: 'duration', op: '<', value: '2s' },
    ]
    expect(narrowed('{ duration >= 5ms && .a = 1 }', more)).toBe(
      '{ .a = 1 && duration >= 1s && duration < 2s }',
    )
    expect(narrowed('{ } | count() > 1', more.slice(0, 1))).toBe('{ } | count() > 1 | { duration >= 1s }')
  })

  test('values and names are written so that they are read back', () => {
    expect(['5', '-1.5', '1m30s', 'true', 'a b', '"q"'].map(guessed)).toEqual([
      '5',
      '-1.5',
      '1m30s',
      'true',
      '"a b"',
      '"q"',
    ])
    expect(plain(literal('a\\"\n'))).toBe('a\\"\n')
    expect(scoped('span', 'a b')).toBe('span."a b"')
    expect([1500, 12.3456, 0.25, 0.0004].map(durationLiteral)).toEqual(['1.5s', '12.35ms', '250us', '400ns'])
  })
})

describe('completion', () => {
  const at = (marked: string) => {
    const place = marked.indexOf('¦')
    return completionPlace(marked.replace('¦', ''), place)
  }
  test.each([
    ['¦', { kind: 'start' }],
    ['{ ¦', { kind: 'field', filter: '{  }' }],
    ['{ .a = 1 && sp¦', { kind: 'field', typed: 'sp' }],
    ['{ .a = 1 && name = ¦', { kind: 'value', field: 'name', quoted: false, filter: '{ .a = 1  }' }],
    ['{ name = "GE¦" }', { kind: 'value', field: 'name', quoted: true, typed: 'GE', closed: true }],
    ['{ kind = cl¦ }', { kind: 'value', field: 'kind', quoted: false, typed: 'cl' }],
    ['{ } | ¦', { kind: 'stage' }],
    ['{ } | rate() by (re¦', { kind: 'field', typed: 're' }],
    ['{ } | avg(¦', { kind: 'field' }],
  ])('%s', (marked, expected) => {
    expect(at(marked)).toMatchObject(expected)
  })
  test.each(['{ name = "x" ¦', '{ } // ¦', '{ } ¦'])('nothing in %s', (marked) => {
    expect(at(marked)).toBeNull()
  })
})
