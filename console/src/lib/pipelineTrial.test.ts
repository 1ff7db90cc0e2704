import { describe, expect, it } from 'vitest'
import type { TriedLine, TriedRecord } from '../api/pipelines'
import { labelsIn, labelsText, linesIn, sampleOf } from './pipelineSample'
import {
  changesOf,
  derivedBy,
  hasHiddenMetric,
  replacementsIn,
  secretsIn,
  sentNames,
  stageText,
  trialOf,
} from './pipelineTrial'
import { readYaml } from './yamlTree'

const record = (change: Partial<TriedRecord>): TriedRecord => ({
  timeMs: 1000,
  level: 'unknown',
  body: 'line',
  attributes: [],
  labels: [],
  traceId: '',
  spanId: '',
  ...change,
})

describe('secretsIn', () => {
  it.each([
    ['a=1 b=2', 'a=# b=2', ['1']],
    ['a=1 b=2', 'a=# b=#', ['1', '2']],
    ['secret', '#', ['secret']],
    ['x#y', 'x#y', []],
    ['a=1', 'b=#', null],
    ['a=1', 'a=1', null],
    ['12', '##', ['12']],
  ])('%s, then %s', (before, after, expected) => expect(secretsIn(before, after, ['#'])).toEqual(expected))
})

describe('a line', () => {
  const tried: TriedLine = {
    line: 'k=v password=abc',
    steps: [
      { stage: 'json', place: 0, note: 'it is no JSON object', record: null },
      {
        stage: 'logfmt',
        place: 1,
        note: '',
        record: record({ body: 'k=v password=abc', attributes: [['k', 'v']] }),
      },
      {
        stage: 'redact',
        place: 2,
        note: '',
        record: record({ body: 'k=v password=[redacted]', attributes: [['k', 'v']] }),
      },
      { stage: 'drop', place: 3, note: 'the record is dropped', record: null },
    ],
    result: null,
  }
  it('tells what each stage changed, what was secret, and who dropped it', () => {
    const trial = trialOf(tried, 1000, ['[redacted]'])
    expect(trial.stages.map(({ changes }) => changes.map(({ part, name }) => part + name))).toEqual([
      [],
      ['attributek'],
      ['line'],
      [],
    ])
    expect(trial.secrets).toEqual(['abc'])
    expect(trial.stages.map(({ dropped }) => dropped)).toEqual([false, false, false, true])
  })

  it('has a time of its own, or that of the trial', () => {
    const kept = (timeMs: number): TriedLine => ({ line: 'x', steps: [], result: record({ timeMs }) })
    expect(trialOf(kept(1000), 1000, []).timed).toBe(false)
    expect(trialOf(kept(7), 1000, []).timed).toBe(true)
  })

  it('changes in every part', () => {
    const after = record({
      timeMs: 5,
      level: 'warn',
      body: 'b',
      attributes: [['new', '1']],
      labels: [['l', 'v']],
      traceId: 't',
    })
    expect(changesOf(record({ attributes: [['old', '0']] }), after)).toEqual([
      { part: 'time', name: '', before: '1000', after: '5' },
      { part: 'level', name: '', before: 'unknown', after: 'warn' },
      { part: 'line', name: '', before: 'line', after: 'b' },
      { part: 'trace', name: '', before: null, after: 't' },
      { part: 'label', name: 'l', before: null, after: 'v' },
      { part: 'attribute', name: 'new', before: null, after: '1' },
      { part: 'attribute', name: 'old', before: '0', after: null },
    ])
  })
})

describe('metrics', () => {
  const pipeline = readYaml(`name: x
stages:
- logfmt: {}
- metric: {name: n_total, type: counter, labels: {path: path, host: host.name, level: level}}
- metric:
    name: seconds
    type: histogram
    value: took
- if: {when: {contains: a}, then: [{metric: {name: m, type: counter}}, {redact: {replacement: '#'}}]}
`)
  const line = (path: string, took: string, note = ''): TriedLine => ({
    line: '',
    result: null,
    steps: [
      {
        stage: 'logfmt',
        place: 0,
        note: '',
        record: record({
          attributes: [
            ['path', path],
            ['took', took],
          ],
        }),
      },
      { stage: 'metric', place: 1, note: '', record: null },
      { stage: 'metric', place: 2, note, record: null },
    ],
  })

  it('count what the stages counted, by label', () => {
    const tried = [line('/a', '1'), line('/a', '2.5'), line('/b', 'x', 'attribute took is no number')]
    const labels = (path: string) => ({ path, host: 'web-1', level: 'unknown' })
    expect(derivedBy(pipeline, tried, { 'host.name': 'web-1' })).toEqual([
      {
        name: 'n_total',
        type: 'counter',
        place: 1,
        series: [
          { labels: labels('/a'), count: 2, sum: 2 },
          { labels: labels('/b'), count: 1, sum: 1 },
        ],
      },
      { name: 'seconds', type: 'histogram', place: 2, series: [{ labels: {}, count: 2, sum: 3.5 }] },
    ])
  })

  it('within a condition are not known', () => {
    expect(hasHiddenMetric(pipeline)).toBe(true)
    expect(hasHiddenMetric(readYaml('name: x\nstages: [{metric: {name: m, type: counter}}]'))).toBe(false)
  })

  it('finds words that stand for secrets, and the text of a stage', () => {
    expect(replacementsIn(pipeline)).toEqual(['[redacted]', '#'])
    const text = 'name: x\nstages:\n- drop:\n    contains: a\n'
    expect(stageText(readYaml(text), 0, text)).toBe('drop: contains: a')
    expect(stageText(readYaml(text), 4, text)).toBe('')
  })

  it('knows how labels were sent from what the pipeline says', () => {
    expect(sentNames({ host_name: 'a', service_name: 'b' }, pipeline)).toEqual({
      'host.name': 'a',
      service_name: 'b',
    })
  })
})

describe('a sample', () => {
  it('is lines; breaks within a record are marked', () => {
    expect(linesIn('a\r\n\n  \nb↵c\n')).toEqual(['a', 'b\nc'])
    expect(sampleOf(['a', 'b\nc'])).toBe('a\nb↵c')
  })

  it.each([
    ['service.name=web', { 'service.name': 'web' }],
    ['a=b, c="d, \\"e\\"" ', { a: 'b', c: 'd, "e"' }],
    ['{a="b",c=d}', { a: 'b', c: 'd' }],
    ['a=', {}],
    ['nonsense', {}],
  ])('has labels: %s', (text, expected) => {
    expect(labelsIn(text)).toEqual(expected)
    expect(labelsIn(labelsText(expected))).toEqual(expected)
  })
})
