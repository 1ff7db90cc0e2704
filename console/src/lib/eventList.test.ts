import { expect, test } from 'vitest'
import type { EventPage, ServerEvent } from '../api/events'
import { eventLanes, joinHead, joinPage, mergeEvents } from './eventList'

const event = (time: number, kind = 'deploy', service = 'cart'): ServerEvent => ({
  key: `${time}-${kind}`,
  ns: `${time}000000`,
  time,
  end: null,
  durationNs: null,
  kind,
  title: kind,
  severity: 'info',
  text: '',
  source: '',
  subject: '',
  result: '',
  link: '',
  id: '',
  traceId: '',
  spanId: '',
  attributes: {},
  service,
  host: '',
})

const page = (times: readonly number[], next: string | null = null): EventPage => ({
  events: times.map((time) => event(time)),
  next,
  counts: null,
})

const times = (events: readonly ServerEvent[]) => events.map(({ time }) => time)

test('two lists become one, the newest first, each event once', () => {
  expect(times(mergeEvents([event(9), event(5)], [event(5), event(7), event(1)]))).toEqual([9, 7, 5, 1])
})

test('a newer page joins what is held, and what left the range goes', () => {
  const first = joinHead(null, 'a', 0, page([300, 200, 100], 'c1'))
  expect(first.cursor).toBe('c1')
  const older = joinPage(first, page([50, 20], 'c2'))
  expect([times(older.events), older.cursor]).toEqual([[300, 200, 100, 50, 20], 'c2'])
  const later = joinHead(older, 'a', 40, page([400, 300, 200], 'c9'))
  expect([times(later.events), later.cursor]).toEqual([[400, 300, 200, 100, 50], 'c2'])
})

test('more news than a page takes, or another question, begin anew', () => {
  const held = joinHead(null, 'a', 0, page([300, 200], 'c1'))
  expect(times(joinHead(held, 'a', 0, page([900, 800], 'c3')).events)).toEqual([900, 800])
  expect(times(joinHead(held, 'b', 0, page([250])).events)).toEqual([250])
  // Without a further page there is no hole, however far apart they are.
  expect(times(joinHead(held, 'a', 0, page([900])).events)).toEqual([900, 300, 200])
})

test('lanes are the fullest, as all are counted', () => {
  const events = [event(3, 'order'), event(2, 'deploy'), event(1, 'order')]
  const { lanes, events: grouped } = eventLanes(
    events,
    ({ kind }) => kind,
    new Map([
      ['deploy', 900],
      ['order', 2],
      ['cron', 5],
    ]),
    2,
  )
  expect(lanes).toEqual(['deploy', 'cron'])
  expect(grouped.get('order')).toHaveLength(2)
})
