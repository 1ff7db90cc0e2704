import { expect, it } from 'vitest'
import { tokensOf, unquote } from './tokens'

const kinds = (text: string) => tokensOf(text).map((token) => `${token.kind}:${token.text}`)

it('tells words, signs and strings apart', () => {
  expect(kinds('sum by (app) (rate({app="x"} |= `a` | json | dur > 1.5s [5m])) # end')).toEqual([
    'function:sum',
    'keyword:by',
    'open:(',
    'name:app',
    'close:)',
    'open:(',
    'function:rate',
    'open:(',
    'open:{',
    'name:app',
    'operator:=',
    'string:"x"',
    'close:}',
    'filter:|=',
    'string:`a`',
    'pipe:|',
    'keyword:json',
    'pipe:|',
    'name:dur',
    'operator:>',
    'number:1.5s',
    'open:[',
    'number:5m',
    'close:]',
    'close:)',
    'close:)',
    'comment:# end',
  ])
})

it('takes names of labels for names, whatever they are', () => {
  expect(kinds('| json="x"')).toEqual(['pipe:|', 'name:json', 'operator:=', 'string:"x"'])
  expect(kinds('| rate > 3')[1]).toBe('name:rate')
})

it('covers any text, also half-typed, without overlaps', () => {
  for (const text of ['{a="', '{a="b\\', '`', '|', '{a="b"} |', '火 {x=~"', '\u0000\\', 'a="x\ny"']) {
    let at = 0
    for (const { from, to, text: word } of tokensOf(text)) {
      expect(text.slice(at, from).trim()).toBe('')
      expect(text.slice(from, to)).toBe(word)
      at = to
    }
    expect(text.slice(at).trim()).toBe('')
  }
})

it('reads string literals', () => {
  expect(unquote('"a\\"b\\n\\\\"')).toBe('a"b\n\\')
  expect(unquote('`a\\b`')).toBe('a\\b')
  expect(unquote('"open')).toBeNull()
})
