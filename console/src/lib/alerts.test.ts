import { describe, expect, it } from 'vitest'
import type { RuleAlert, ToldAlert } from '../api/alerting'
import type { Labels } from '../api/types'
import {
  alertFilter,
  alertKey,
  countStates,
  groupAlerts,
  joinAlerts,
  severityRank,
  type Alert,
} from './alerts'

const rule = (
  labels: Labels,
  state: RuleAlert['state'] = 'firing',
  toldAs: Labels | null = labels,
): RuleAlert => ({
  labels,
  annotations: { summary: 'of the rule' },
  state,
  activeAt: 1000,
  recoveringSince: null,
  value: 7,
  fingerprint: toldAs === null ? null : alertKey(toldAs),
})

const told = (labels: Labels, more: Partial<ToldAlert> = {}): ToldAlert => ({
  fingerprint: alertKey(labels),
  labels,
  annotations: {},
  startsAt: 2000,
  updatedAt: 3000,
  receivers: ['team'],
  silencedBy: [],
  inhibitedBy: [],
  generatorUrl: '',
  ...more,
})

const facts = (alerts: readonly Alert[]) =>
  alerts.map(({ name, state, receivers, value, labels }) => [
    name,
    state,
    receivers.join(),
    value,
    labels.site ?? '',
  ])

describe('joinAlerts', () => {
  it('an alert of a rule is told with further labels', () => {
    const rules = [
      rule({ alertname: 'A', job: 'x' }, 'firing', { alertname: 'A', job: 'x', site: 'here' }),
      rule({ alertname: 'A', job: 'y' }, 'firing', { alertname: 'A', job: 'y', site: 'here' }),
      rule({ alertname: 'B' }, 'pending'),
      rule({ alertname: 'C' }, 'inactive'),
    ]
    const sent = [
      told({ alertname: 'A', job: 'y', site: 'here' }, { silencedBy: ['s'] }),
      told({ alertname: 'A', job: 'x', site: 'here' }),
      told({ alertname: 'Other', site: 'there' }, { inhibitedBy: ['i'] }),
    ]
    expect(facts(joinAlerts(rules, sent, []))).toEqual([
      ['A', 'firing', 'team', 7, 'here'],
      ['A', 'silenced', 'team', 7, 'here'],
      ['B', 'pending', '', 7, ''],
      ['Other', 'inhibited', 'team', null, 'there'],
    ])
  })

  it('an alert whose labels are changed on their way is shown once', () => {
    const rules = [
      rule({ alertname: 'A', job: 'x' }, 'firing', { alertname: 'Renamed', site: 'h' }),
      rule({ alertname: 'Dropped' }, 'firing', null),
    ]
    const joined = joinAlerts(rules, [told({ alertname: 'Renamed', site: 'h' })], [])
    expect(facts(joined)).toEqual([
      ['Renamed', 'firing', 'team', 7, 'h'],
      ['Dropped', 'firing', '', 7, ''],
    ])
    expect(joined[0]?.ruleLabels).toEqual({ alertname: 'A', job: 'x' })
  })

  it('what fires or waits again is not over', () => {
    const over = [
      { labels: { alertname: 'A' }, at: 5 },
      { labels: { alertname: 'B' }, at: 6 },
    ]
    const joined = joinAlerts([rule({ alertname: 'A' }, 'pending')], [], over)
    expect(joined.map(({ name, state, since }) => [name, state, since])).toEqual([
      ['A', 'pending', 1000],
      ['B', 'resolved', 6],
    ])
  })
})

it('keys depend on labels, and not on their order', () => {
  expect(alertKey({ a: '1', b: '2' })).toBe(alertKey({ b: '2', a: '1' }))
  expect(alertKey({ a: '1', b: '2' })).not.toBe(alertKey({ a: '12', b: '' }))
  const keys = new Set(
    Array.from({ length: 20_000 }, (_, n) => alertKey({ alertname: 'Many', item: String(n) })),
  )
  expect(keys.size).toBe(20_000)
})

it('severities are ranked by what is known of their names', () => {
  const names = ['info', 'warning', 'page', 'purple', 'high']
  expect(names.sort((a, b) => severityRank(a) - severityRank(b))).toEqual([
    'page',
    'high',
    'warning',
    'purple',
    'info',
  ])
})

describe('lists', () => {
  const alerts = joinAlerts(
    [],
    [
      told({ alertname: 'A', severity: 'warning', job: 'x' }, { startsAt: 1 }),
      told({ alertname: 'B', severity: 'page', job: 'x' }, { startsAt: 2 }),
      told({ alertname: 'C', severity: 'warning', job: 'y' }, { startsAt: 3, silencedBy: ['s'] }),
      told({ alertname: 'D', severity: 'warning' }, { startsAt: 4 }),
    ],
    [],
  )
  const grouped = (by: string) =>
    groupAlerts(alerts, by).map((g) => [g.name, g.alerts.map(({ name }) => name).join('')])

  it('are grouped by severity, by labels, by state, or not at all', () => {
    expect(grouped('severity')).toEqual([
      ['page', 'B'],
      ['warning', 'DAC'],
    ])
    expect(grouped('job')).toEqual([
      ['x', 'BA'],
      ['', 'D'],
      ['y', 'C'],
    ])
    expect(grouped('state').map(([name]) => name)).toEqual(['firing', 'silenced'])
    expect(grouped('')).toEqual([['', 'BDAC']])
    expect(countStates(alerts)).toMatchObject({ firing: 3, silenced: 1, pending: 0 })
  })

  it('are filtered by conditions or by words', () => {
    const names = (text: string) =>
      alerts
        .filter(alertFilter(text).test)
        .map(({ name }) => name)
        .join('')
    expect(names('job="x", severity!=page')).toBe('A')
    expect(names('PAGE x')).toBe('B')
    expect(names('')).toBe('ABCD')
    expect(alertFilter('job="x').mistake).toBe('quote')
    expect(names('job="x')).toBe('ABCD')
  })
})
