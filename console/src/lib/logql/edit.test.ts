import { describe, expect, it } from 'vitest'
import { addParser, asQuery, filterBy, filterLines, parses, standing, streamSelector } from './edit'
import { isMetric, logQueryOf, searchedTexts, selectorOf, shapeOf } from './shape'

const app = (value: string) => ({ name: 'app', value, origin: 'stream' as const })
const status = (value: string) => ({ name: 'status', value, origin: 'parsed' as const })

describe('filters by a label of the stream', () => {
  it.each([
    ['{env="prod"}', app('a'), '=', '{env="prod", app="a"}'],
    ['{env="prod"} |= "x" | json', app('a'), '!=', '{env="prod", app!="a"} |= "x" | json'],
    ['{app="b", env="prod"}', app('a'), '=', '{env="prod", app="a"}'],
    ['{app=~".+"}', app('a'), '=', '{app="a"}'],
    ['{app=~".+"}', app('a'), '!=', '{app=~".+", app!="a"}'],
    ['{app=~".+", app!="a"}', app('b'), '!=', '{app=~".+", app!="a", app!="b"}'],
    ['{app=~".+", app!="a"}', app('a'), '=', '{app="a"}'],
    ['{app="a"}', app('a'), '!=', '{app=~".+", app!="a"}'],
    ['{env="prod", app="a"}', app('a'), '=', '{env="prod"}'],
    ['{app="a"}', app('a'), '=', '{app=~".+"}'],
    ['{env="}"}', app('say "hi"\\'), '=', '{env="}", app="say \\"hi\\"\\\\"}'],
    ['sum(rate({env="p"} | json [5m]))', app('a'), '=', 'sum(rate({env="p", app="a"} | json [5m]))'],
  ] as const)('%s %o %s', (query, field, op, expected) => {
    expect(filterBy(query, field, op)).toBe(expected)
  })
})

describe('filters by a field of the line', () => {
  it.each([
    ['{a="b"} | json', status('500'), '=', '{a="b"} | json | status="500"'],
    ['{a="b"} | json | status="500"', status('500'), '=', '{a="b"} | json'],
    ['{a="b"} | json | status="500"', status('500'), '!=', '{a="b"} | json | status!="500"'],
    ['{a="b"} | json | status="500"', status('404'), '=', '{a="b"} | json | status="404"'],
    ['{a="b"} | json | status!="500"', status('404'), '!=', '{a="b"} | json | status!="500" | status!="404"'],
    [
      '{a="b"} | json | status="500" or x="1"',
      status('500'),
      '=',
      '{a="b"} | json | status="500" or x="1" | status="500"',
    ],
    [
      'sum by (x) (rate({a="b"} | json[5m]))',
      status('500'),
      '=',
      'sum by (x) (rate({a="b"} | json | status="500"[5m]))',
    ],
    ['{a="b"} # all\n| json', status('5'), '=', '{a="b"} # all\n| json | status="5"'],
    ['{a="b"', status('5'), '=', '{a="b"'],
  ] as const)('%s %o %s', (query, field, op, expected) => {
    expect(filterBy(query, field, op)).toBe(expected)
  })
})

it('asking twice for the same takes it back', () => {
  for (const query of ['{a="b"}', '{a="b"} |= "x" | json | y > 3', 'rate({a="b"} != "q" [1m])']) {
    for (const field of [app('z'), status('z')]) {
      for (const op of ['=', '!='] as const) {
        const once = filterBy(query, field, op)
        expect(once).not.toBe(query)
        expect(standing(once, field)).toBe(op)
        expect(filterBy(once, field, op)).toBe(query)
      }
    }
  }
})

it('filters lines where the store is quickest, unless lines are rewritten before', () => {
  expect(filterLines('{a="b"} | json', 'x y', '|=')).toBe('{a="b"} |= "x y" | json')
  expect(filterLines('{a="b"} |= "q" | json', 'x', '!=')).toBe('{a="b"} |= "q" != "x" | json')
  expect(filterLines('{a="b"} | line_format "{{.x}}"', 'x', '|=')).toBe(
    '{a="b"} | line_format "{{.x}}" |= "x"',
  )
  expect(filterLines('{a="b"} |= "x"', 'x', '|=')).toBe('{a="b"} |= "x"')
})

it('adds a parser behind the line filters, once', () => {
  expect(addParser('{a="b"} |= "q" | x="1"', 'json')).toBe('{a="b"} |= "q" | json | x="1"')
  expect(addParser('{a="b"} | json', 'json')).toBe('{a="b"} | json')
  expect(parses('{a="b"} | logfmt')).toBe(true)
  expect(parses('{a="json"} | x="logfmt"')).toBe(false)
})

it('takes words for a search, and LogQL for LogQL', () => {
  const all = '{app=~".+"}'
  expect(asQuery('connection refused', all)).toBe('{app=~".+"} |= "connection refused"')
  expect(asQuery('"a b"', all)).toBe('{app=~".+"} |= "a b"')
  expect(asQuery('say "hi"', all)).toBe('{app=~".+"} |= "say \\"hi\\""')
  for (const query of ['{a="b"}', 'rate({a="b"}[1m])', 'sum by (x) (rate({a="b"}[1m]))', '|= "x"', '{a'])
    expect(asQuery(query, all)).toBe(query)
  expect(asQuery('  ', all)).toBe('')
})

it('reads the shape of a query', () => {
  const query =
    'sum(count_over_time({a="}", b!~"x|y"} |= "p|q" != `z` | json | level != "info" | (x > 3 or y = "2") [5m]))'
  const shape = shapeOf(query)
  expect(shape?.matchers.map(({ name, op, value }) => [name, op, value])).toEqual([
    ['a', '=', '}'],
    ['b', '!~', 'x|y'],
  ])
  expect(shape?.stages.map(({ kind, word }) => [kind, word])).toEqual([
    ['filter', '|='],
    ['filter', '!='],
    ['parser', 'json'],
    ['condition', 'level'],
    ['other', '('],
  ])
  expect(selectorOf(query)).toBe('{a="}", b!~"x|y"}')
  expect(logQueryOf(query)).toBe(query.slice(query.indexOf('{'), query.indexOf(' [5m]')))
  expect([isMetric(query), isMetric(' # c\n{a="b"}')]).toEqual([true, false])
  expect(searchedTexts(query)).toEqual(['p|q'])
  expect(searchedTexts('{a="b"} |~ "(?i)time ?out" |~ "(?i)refused"')).toEqual(['refused'])
  expect(shapeOf('rate(')).toBeNull()
})

it('writes a selector of all labels of a stream', () => {
  expect(streamSelector({ app: 'a"b', host: 'c' })).toBe('{app="a\\"b", host="c"}')
})
