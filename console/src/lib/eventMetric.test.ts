import { expect, test } from 'vitest'
import { eventPipeline, eventQuery } from './eventMetric'

test('the query is as narrow as the labels of the counter allow', () => {
  expect(eventQuery({})).toBe('sum by (kind) (increase(events_total[5m]))')
  expect(eventQuery({ kind: ['deploy'], service: ['cart'] })).toBe(
    'sum by (service, result) (increase(events_total{kind="deploy", service="cart"}[5m]))',
  )
  expect(eventQuery({ kind: ['a.b', 'c'] })).toBe(
    'sum by (kind) (increase(events_total{kind=~"a\\\\.b|c"}[5m]))',
  )
  expect(eventQuery({ source: ['ci'], result: ['ok', 'failed'] })).toBe(
    'sum by (kind) (increase(events_total{source="ci", result=~"ok|failed"}[5m]))',
  )
})

test('a pipeline is for one kind', () => {
  expect(eventPipeline({ kind: ['com.shop.order.paid'], attr: ['data.currency:EUR'] })).toBe(`event_pipelines:
- name: com-shop-order-paid
  match: {kind: com.shop.order.paid}
  stages:
  - metric: {name: order_paid_total, type: counter, labels: {data_currency: data.currency, result: 'event:result'}}
  # numbers of an event can be summed up, too
  - metric: {name: order_paid_nanoseconds_total, type: counter, value: 'event:duration'}`)
})
