import { expect, it } from 'vitest'
import { labelsIn } from './labelText'

it.each([
  ['', {}],
  ['a=b, c="d"', { a: 'b', c: 'd' }],
  ['{a="b"}', { a: 'b' }],
  ['a=b\nc=d\n', { a: 'b', c: 'd' }],
  ['{"a":"b"}', { a: 'b' }],
  ['{"a b"="c"}', { 'a b': 'c' }],
  ['a', null],
  ['a!=b', null],
  ['{"a":1}', null],
])('%s', (text, labels) => expect(labelsIn(text)).toEqual(labels))
