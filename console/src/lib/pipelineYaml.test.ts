import { describe, expect, it } from 'vitest'
import { complaintOf, configBlock, pipelineIn, pipelineYaml, trialText } from './pipelineYaml'
import { textAt } from './yamlTree'

describe('pipelineYaml', () => {
  it('leaves out what says nothing, and quotes what would be read otherwise', () => {
    const condition = { field: null, equals: '', any_of: ['/health', 'true'], not: false, at_least: 0 }
    const text = pipelineYaml({
      name: 'nginx',
      match: { 'service.name': '=~ng.*' },
      stages: [
        { json: { field: null, prefix: '' } },
        { grok: { pattern: "^it's %{WORD:w}$", patterns: {}, field: 'line' } },
        { drop: condition },
        { set: { prefix: '', n: '12', text: 'a\nb' } },
        { body: 'msg' },
        { if: { when: { ...condition, equals: null }, then: [{ labels: ['a'] }], else: [] } },
        {
          metric: { name: 'a_total', type: 'counter', value: null, labels: {}, buckets: [0.5, 1], help: '' },
        },
      ],
    })
    expect(text).toBe(`- name: nginx
  match: {service.name: '=~ng.*'}
  stages:
  - json: {}
  - grok: {pattern: '^it''s %{WORD:w}$', field: line}
  - drop: {equals: '', any_of: [/health, 'true'], at_least: 0}
  - set: {prefix: '', 'n': '12', text: "a\\nb"}
  - body: msg
  - if:
      when: {any_of: [/health, 'true'], at_least: 0}
      then:
      - labels: [a]
  - metric: {name: a_total, type: counter, buckets: [0.5, 1]}
`)
  })

  it('breaks what is long', () => {
    const stages = [{ drop: { any_of: Array.from({ length: 20 }, (_, n) => `/a/path/of/${n}`) } }]
    const text = pipelineYaml({ name: 'x', match: {}, stages })
    expect(text).toContain('  - drop:\n      any_of:\n        - /a/path/of/0\n')
    expect(text.split('\n').every((line) => line.length <= 120)).toBe(true)
  })
})

describe('a text', () => {
  const alone = 'name: x\nstages:\n- json: {}'
  const item = '- name: x\n  stages:\n  - json: {}\n'
  it.each([
    [alone, alone],
    [item, item],
    [`# said\n\n${item}`, `\n\n${item}`],
    [`---\npipelines:  # all\n${item}`, `\n\n${item}`],
  ])('is tried with its places kept: %j', (text, expected) => expect(trialText(text)).toBe(expected))

  it.each([
    [alone, 'pipelines:\n- name: x\n  stages:\n  - json: {}\n'],
    [item, `pipelines:\n${item}`],
    [`# said\n${alone}`, 'pipelines:\n# said\n- name: x\n  stages:\n  - json: {}\n'],
    [`pipelines:\n${item}`, `pipelines:\n${item}`],
  ])('becomes a section: %j', (text, expected) => expect(configBlock(text)).toBe(expected))

  it.each([alone, item, `pipelines:\n${item}`])('holds a pipeline: %j', (text) =>
    expect(textAt(pipelineIn(text), 'name')).toBe('x'),
  )
})

describe('complaints', () => {
  const text = '- name: x\n  stages:\n  - drop: {matches: "("}\n'
  it.each([
    ['yaml: line 3, column 5: "drp" is not one of …', 'drop', '"drp" is not one of …', 3, 5],
    ['pipelines[0].stages[0].drop.matches: wrong', '"("', 'stages[0].drop.matches: wrong', 3, 21],
    ['pipelines[0].name: is empty', 'x', 'name: is empty', 1, 9],
  ])('%s', (message, marked, words, line, column) => {
    const found = complaintOf(message, text)
    expect(found).toMatchObject({ words, detail: '', mistake: { line, column } })
    expect(text.slice(found.mistake?.from, found.mistake?.to)).toBe(marked)
  })

  it('keeps what is set in a fixed width apart', () => {
    const found = complaintOf('pipelines[0].stages[0].drop.matches: regex:\n    (\n    ^', text)
    expect(found).toMatchObject({ words: 'stages[0].drop.matches: regex:', detail: '    (\n    ^' })
  })

  it('of no place has none', () => {
    expect(complaintOf('labels: too many', text)).toEqual({
      words: 'labels: too many',
      detail: '',
      mistake: null,
    })
  })
})
