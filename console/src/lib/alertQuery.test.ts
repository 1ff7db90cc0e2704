import { expect, it } from 'vitest'
import { alertSeries, expressionOf, narrowed, seriesLabels } from './alertQuery'

it('an expression is cut down to one series', () => {
  const labels = seriesLabels(
    { alertname: 'Down', severity: 'page', job: 'a', cost: '$5' },
    { severity: 'page' },
  )
  expect(labels).toEqual({ job: 'a', cost: '$5' })
  expect(narrowed('up == 0', labels)).toBe(
    '(up == 0) and on (job, cost) label_replace(label_replace(vector(1), "job", "a", "", ""), "cost", "$$5", "", "")',
  )
  expect(narrowed('up == 0', {})).toBe('up == 0')
})

it('the series of an alert and the expression of its sender', () => {
  expect(alertSeries({ alertname: 'A b', job: 'x' })).toBe('ALERTS{alertname="A b", job="x"}')
  expect(expressionOf('http://p:9090/graph?g0.expr=up+%3D%3D+0&g0.tab=1')).toBe('up == 0')
  expect(expressionOf('http://p:9090/graph')).toBeNull()
  expect(expressionOf('not an address')).toBeNull()
})
