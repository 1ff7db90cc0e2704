import { expect, test } from 'vitest'
import { entryDecoder, incidentDecoder } from '../api/incidents'
import { onCallDecoder, shiftsDecoder } from '../api/oncall'
import { groupOf, rangeOf, severityTone } from './incidents'
import { daysFrom, draggedRange, momentAt, piecesOf, weekStart } from './oncall'

const hour = 3_600_000

test('an incident is read as the server writes it', () => {
  const read = incidentDecoder(
    {
      id: 12,
      title: 'checkout answers with errors',
      status: 'triggered',
      severity: 'critical',
      quiet: false,
      startedAt: '2026-11-22T10:00:00.000Z',
      updatedAt: '2026-11-22T10:04:10.000Z',
      acknowledgedAt: null,
      assigned: null,
      entities: [{ type: 'service', id: 'checkout', name: 'checkout' }],
      labels: { env: 'prod' },
      alertCount: 3,
      firing: 2,
      escalation: {
        policy: 'grave',
        step: 1,
        steps: 2,
        round: 1,
        rounds: 3,
        state: 'waiting',
        nextAt: '2026-11-22T10:05:00.000Z',
      },
    },
    'data',
  )
  expect(read).toMatchObject({ id: 12, acknowledgedAt: null, mergedInto: null, firing: 2 })
  expect(read.escalation?.nextAt).toBe(Date.UTC(2026, 10, 22, 10, 5))
})

test('entries of all kinds are read, those of servers to come as well', () => {
  const at = '2026-11-22T10:00:00Z'
  const delivery = { delivery: 1, receiver: 'team', way: 'webhook', index: 0, outcome: 'failed', doneAt: at }
  expect(
    entryDecoder({ at, kind: 'notified', number: 1, by: null, ...delivery, alerts: 2 }, ''),
  ).toMatchObject({
    key: 'n1',
    alertCount: 2,
    notifications: [{ receiver: 'team', outcome: 'failed' }],
  })
  expect(
    entryDecoder({ at, kind: 'split', number: 2, by: 'ann', incident: 3, alerts: ['A'] }, ''),
  ).toMatchObject({ alertNames: ['A'], incident: 3, by: 'ann' })
  expect(
    entryDecoder({ at, kind: 'error', number: null, issue: { id: 'i' }, what: 'new' }, '').issue,
  ).toEqual({
    id: 'i',
    title: '',
    service: '',
  })
  expect(groupOf(entryDecoder({ at, kind: 'something', number: 9 }, ''))).toBe('people')
  expect(['firing', 'note', 'paged', 'event', 'error'].map((kind) => groupOf({ kind }))).toEqual([
    'alerts',
    'people',
    'telling',
    'changes',
    'errors',
  ])
})

test('an incident is looked at with what came before', () => {
  expect(rangeOf(100 * hour, null, 110 * hour)).toEqual({ from: 97 * hour, to: 110 * hour })
  const over = rangeOf(100 * hour, 110 * hour, 200 * hour)
  expect([over.from, over.to]).toEqual([97 * hour, 111 * hour])
  expect(rangeOf(hour, null, hour).from).toBe(0)
  expect(['critical', 'error', 'warning', 'info', ''].map(severityTone)).toEqual([
    'bad',
    'busy',
    'warn',
    'quiet',
    'quiet',
  ])
})

test('who is on call is read, with null for nobody', () => {
  const read = onCallDecoder(
    {
      configured: true,
      people: [{ name: 'ann', receivers: ['ann-phone'], onCall: [] }],
      schedules: [{ name: 'platform', timeZone: 'Europe/Berlin', now: null, next: null }],
      policies: [{ name: 'grave', matchers: [], repeat: 1, steps: [{ people: ['ann'], waitSeconds: 300 }] }],
    },
    'data',
  )
  expect(read.schedules[0]?.now).toBeNull()
  expect(read.policies[0]?.steps[0]).toEqual({
    schedules: [],
    people: ['ann'],
    waitSeconds: 300,
    reaches: [],
  })
  expect(() => shiftsDecoder({ schedule: 'x' }, 'data')).toThrow('data.shifts')
})

test('days have the hours that clocks give them', () => {
  const start = Date.parse('2026-10-24T12:00:00Z')
  const days = daysFrom(start, 3, 'Europe/Berlin')
  expect(days.map(({ from, to }) => (to - from) / hour)).toEqual([24, 25, 24])
  expect(new Date(weekStart(start, 'Europe/Berlin')).toISOString()).toBe('2026-10-18T22:00:00.000Z')
  expect(new Date(weekStart(start, 'utc')).toISOString()).toBe('2026-10-19T00:00:00.000Z')
})

test('shifts are cut into days, and what is dragged lies on whole steps', () => {
  const day = { from: 0, to: 24 * hour }
  const shift = { person: 'ann', from: -hour, to: 12 * hour, layer: 'week', override: null }
  expect(piecesOf(day, [shift])).toEqual([{ shift, start: 0, end: 0.5, before: true, after: false }])
  expect(piecesOf({ from: 24 * hour, to: 48 * hour }, [shift])).toEqual([])
  expect(momentAt(day, 0.51, hour)).toBe(12 * hour)
  expect(momentAt(day, 2, hour)).toBe(24 * hour)
  expect(draggedRange(5, 5, 2)).toEqual({ from: 5, to: 7 })
  expect(draggedRange(9, 5, 2)).toEqual({ from: 5, to: 9 })
})
