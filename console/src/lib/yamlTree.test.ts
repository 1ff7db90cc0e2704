import { describe, expect, it } from 'vitest'
import { at, placeOf, readYaml, textAt, textsOf, type YamlNode } from './yamlTree'

function plain(node: YamlNode | null): unknown {
  if (node === null) return null
  if (node.kind === 'text') return node.text
  if (node.kind === 'list') return node.items.map(plain)
  return Object.fromEntries(node.pairs.map(({ name, value }) => [name, plain(value)]))
}

describe('readYaml', () => {
  it.each([
    ['a: 1', { a: '1' }],
    ['- a\n- b', ['a', 'b']],
    ['{a: [b, "c\\n"], d: {}}', { a: ['b', 'c\n'], d: {} }],
    ["a: 'it''s'", { a: "it's" }],
    ['# said\n\na: b # said', { a: 'b' }],
    ['a:\n  - b: c\n    d:\n', { a: [{ b: 'c', d: null }] }],
    ['a: |\n  x\n    y\nb: >-\n  x\n  y', { a: 'x\n  y', b: 'x y' }],
    ['a: !t &x b', { a: 'b' }],
    ['{"name": "x", "stages": [{"json": {}}]}', { name: 'x', stages: [{ json: {} }] }],
    ['', null],
  ])('%s', (text, expected) => expect(plain(readYaml(text))).toEqual(expected))

  it.each(['a: [', '- {', 'a: "b', '\t- x', '}: {', '['.repeat(5000)])('reads what it can of %j', (text) =>
    expect(() => readYaml(text.slice(0, 6000))).not.toThrow(),
  )
})

describe('places', () => {
  const text = `name: x
match: {service.name: web}
stages:
- json: {}
- if:
    when: {field: a}
    then:
    - grok: {pattern: '%{NOPE:x}'}
`
  const root = readYaml(text)
  it.each([
    ['name', 'x'],
    ['match.service.name', 'web'],
    ['stages[0].json', 'json'],
    ['stages[1].if.then[0].grok.pattern', "'%{NOPE:x}'"],
    ['stages[1].if.when.matches', 'when'],
    ['stages[7].drop', 'stages'],
  ])('%s', (path, expected) => {
    if (root === null) throw new Error('there is no document')
    const { from, to } = placeOf(root, path)
    expect(text.slice(from, to)).toBe(expected)
  })

  it('reads texts by name', () => {
    expect(textAt(root, 'name')).toBe('x')
    expect(textsOf(at(root, 'match'))).toEqual({ 'service.name': 'web' })
    expect(textAt(root, 'stages')).toBeNull()
  })
})
