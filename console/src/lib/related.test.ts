import { expect, test } from 'vitest'
import { eventSearch, telling, waysTo } from './related'

test('labels that name nothing are not sent', () => {
  const many = Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`a${i}`, 'x']))
  expect(Object.keys(telling(many))).toHaveLength(200)
  expect(telling({ 'service.name': 'cart', empty: '', 'a:b': 'c', long: 'x'.repeat(300) })).toEqual({
    'service.name': 'cart',
  })
})

test('a selector of events becomes the address of their screen', () => {
  expect(eventSearch('{__signal__="events", service_name="cart", host_name="web1"}')).toEqual({
    service: ['cart'],
    on: ['web1'],
  })
  expect(eventSearch('{__signal__="events", service_instance_id="a\\"b", k8s_pod_name="p"}')).toEqual({
    attr: ['service.instance.id:a"b', 'k8s.pod.name:p'],
  })
})

test('each signal is asked for by the selector with most behind it', () => {
  const ways = waysTo(
    {
      metrics: [
        { selector: '{job="cart"}', count: 2 },
        { selector: '{service="cart"}', count: 900 },
      ],
      logs: [{ selector: '{service_name="cart"}', count: 7 }],
      traces: [],
      errors: [{ selector: 'service:"cart"', count: 1 }],
      events: [{ selector: '{__signal__="events", service_name="cart"}', count: 0 }],
    },
    { from: 1000.5, to: 2000.2 },
  )
  const at = { from: '1000', to: '2001' }
  expect(ways).toEqual([
    { signal: 'logs', to: '/logs', count: 7, search: { q: '{service_name="cart"}', ...at } },
    {
      signal: 'metrics',
      to: '/explore',
      count: 902,
      search: { q: ['count by (__name__) ({service="cart"})'], view: 'table', ...at },
    },
    { signal: 'errors', to: '/errors', count: 1, search: { q: 'service:"cart"', status: 'all', ...at } },
    { signal: 'events', to: '/events', count: 0, search: { service: ['cart'], ...at } },
  ])
})
