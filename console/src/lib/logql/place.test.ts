import { expect, it } from 'vitest'
import { completionPlace } from './place'

/** The cursor is where the bar `¦` stands. */
const at = (marked: string) => completionPlace(marked.replace('¦', ''), marked.indexOf('¦'))

it.each([
  ['¦', { kind: 'start', from: 0 }],
  ['{¦', { kind: 'label', selector: undefined, typed: '' }],
  ['{ap¦', { kind: 'label', selector: undefined, typed: 'ap', from: 1 }],
  ['{ap¦}', { kind: 'label', typed: 'ap' }],
  ['{app="x", ho¦}', { kind: 'label', selector: '{app="x"}', typed: 'ho' }],
  ['{app="x", host="¦"}', { kind: 'value', name: 'host', selector: '{app="x"}', typed: '', closed: true }],
  [
    '{app="x", host=~"we¦',
    { kind: 'value', name: 'host', selector: '{app="x"}', typed: 'we', closed: false },
  ],
  ['{app="a b¦"}', { kind: 'value', name: 'app', selector: undefined, typed: 'a b', closed: true }],
  ['{app="x"} | ¦', { kind: 'stage', query: '{app="x"}', selector: '{app="x"}' }],
  ['{app="x"} |= "q" | json | lev¦', { kind: 'stage', query: '{app="x"} |= "q" | json', typed: 'lev' }],
  [
    '{app="x"} | json | level="¦"',
    { kind: 'fieldValue', name: 'level', query: '{app="x"} | json', typed: '' },
  ],
  [
    '{app="x"} | a="1" or b="2¦',
    { kind: 'fieldValue', name: 'b', query: '{app="x"}', typed: '2', closed: false },
  ],
  ['rate({app="x"}[¦', { kind: 'duration' }],
  ['sum by (¦) (rate({app="x"}[5m]))', { kind: 'field', typed: '', query: '{app="x"}' }],
  ['sum(rate({app="x"}[5m])) by (ho¦)', { kind: 'field', typed: 'ho', query: '{app="x"}' }],
  ['ra¦', { kind: 'start', typed: 'ra' }],
] as const)('%s', (marked, expected) => {
  expect(at(marked)).toMatchObject(expected)
})

it('offers nothing in comments, in searched text and behind a matcher', () => {
  for (const marked of ['{a="b"} # no¦', '{a="b"} |= "no¦"', '{a="b" ¦', '{a¦=']) {
    const place = at(marked)
    expect([marked, place?.kind === 'label' ? null : place]).toEqual([marked, null])
  }
})
