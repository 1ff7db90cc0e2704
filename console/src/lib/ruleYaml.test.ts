import { expect, it } from 'vitest'
import type { RuleText } from '../api/ruleTrial'
import { ruleFileYaml, ruleYaml } from './ruleYaml'

const rule: RuleText = {
  language: 'promql',
  range: '',
  alert: 'Slow',
  expr: 'rate(x[5m])\n  > 1',
  for: '5m',
  keep_firing_for: '',
  labels: { severity: 'page', team: 'on' },
  annotations: { summary: "{{ $labels.a }} isn't well: {{ $value }}", text: 'one\ntwo' },
}

it('a rule is written as one would write it', () => {
  expect(ruleYaml(rule)).toBe(
    [
      '- alert: Slow',
      '  expr: |-',
      '    rate(x[5m])',
      '      > 1',
      '  for: 5m',
      '  labels:',
      '    severity: page',
      "    team: 'on'",
      '  annotations:',
      "    summary: '{{ $labels.a }} isn''t well: {{ $value }}'",
      '    text: |-',
      '      one',
      '      two',
      '',
    ].join('\n'),
  )
})

it('expressions stay bare where YAML lets them', () => {
  const expr = (text: string) => ruleYaml({ ...rule, expr: text }).split('\n')[1]
  expect(expr('up == 0')).toBe('  expr: up == 0')
  expect(expr('{job="a"} > 1')).toBe(`  expr: '{job="a"} > 1'`)
  expect(expr('a{x="b: c"} > 1')).toBe(`  expr: 'a{x="b: c"} > 1'`)
  expect(expr('a > 1 # c')).toBe(`  expr: 'a > 1 # c'`)
  expect(expr('- a')).toBe(`  expr: '- a'`)
})

it('a file holds it in a group', () => {
  const text = ruleFileYaml({ ...rule, expr: 'up == 0' }, 'my group')
  expect(text.split('\n').slice(0, 5)).toEqual([
    'groups:',
    "  - name: 'my group'",
    '    rules:',
    '      - alert: Slow',
    '        expr: up == 0',
  ])
})

it('a language other than PromQL is that of the group', () => {
  const head = (language: 'logql' | 'traceql', range: string) =>
    ruleFileYaml({ ...rule, language, range }, 'mine')
      .split('\n')
      .slice(1, 5)
  expect(head('logql', '5m')).toEqual([
    '  - name: mine',
    '    language: logql',
    '    rules:',
    '      - alert: Slow',
  ])
  expect(head('traceql', '10m')).toEqual([
    '  - name: mine',
    '    language: traceql',
    '    range: 10m',
    '    rules:',
  ])
})
