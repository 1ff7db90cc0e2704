import { expect, it } from 'vitest'
import { examplesFor, wantedMetrics } from './examples'

const titles = (metrics: string[]) => examplesFor(metrics, 'en').map((e) => e.title)
const expr = (metrics: string[], title: RegExp) =>
  examplesFor(metrics, 'en').find((e) => title.test(e.title))?.expr

it('offers only what the metrics can answer', () => {
  expect(titles([])).toEqual(['Which metrics have most series?'])
  expect(titles(['node_load1'])).not.toContain('Is the load above the core count?')
  expect(titles(['node_load1', 'node_cpu_seconds_total'])).toContain('Is the load above the core count?')
})

it('asks about services before the monitoring itself, and about the shortest name', () => {
  const all = ['watchfire_http_requests_total', 'shop_checkout_requests_total', 'http_requests_total']
  expect(expr(all, /Requests per second/)).toBe('sum by (job) (rate(http_requests_total[5m]))')
  expect(expr(['watchfire_http_requests_total'], /Requests per second/)).toContain('by (handler)')
})

it('knows classic and native histograms apart', () => {
  const classic = ['http_request_duration_seconds_bucket', 'http_request_duration_seconds_count']
  expect(expr(classic, /slowest/)).toContain('sum by (le, job) (rate(http_request_duration_seconds_bucket')
  expect(expr(['http_request_duration_seconds'], /slowest/)).toBe(
    'histogram_quantile(0.99, sum by (job) (rate(http_request_duration_seconds[5m])))',
  )
})

it('speaks both languages', () => {
  const english = examplesFor(['up'], 'en')
  const chinese = examplesFor(['up'], 'zh')
  expect(chinese.map((e) => e.expr)).toEqual(english.map((e) => e.expr))
  expect(chinese.every((e) => /\p{Script=Han}/u.test(e.title))).toBe(true)
})

it('asks the server with a pattern that finds every metric a question needs', () => {
  const pattern = new RegExp(`^(?:${wantedMetrics})$`)
  for (const name of ['up', 'node_load1', 'http_requests_total', 'grpc_request_duration_seconds_bucket'])
    expect(pattern.test(name), name).toBe(true)
  expect(pattern.test('up_since')).toBe(false)
  expect(wantedMetrics).not.toContain('?!')
})
