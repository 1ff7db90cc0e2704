import { dictionary, fields, list, number, optional, text, type Decoder } from './decode'
import { request } from './http'
import type { Answer, Labels } from './types'
import { hashText } from '@/lib/hashText'
import { msOf, nanosOf, type Nanos } from '@/lib/nanos'
import { valueText } from '@/lib/trace/find'

/** Something that happened: a deploy, a restart, an alert. */
export interface ServerEvent {
  /** Tells it from others: its time and a hash of what it says. The same in every answer. */
  readonly key: string
  readonly ns: Nanos
  /** Unix milliseconds. */
  readonly time: number
  /** Where it took a while. */
  readonly end: number | null
  /** Nanoseconds it took. */
  readonly durationNs: number | null
  readonly kind: string
  readonly title: string
  readonly severity: string
  readonly text: string
  readonly source: string
  readonly subject: string
  readonly result: string
  readonly link: string
  readonly id: string
  readonly traceId: string
  readonly spanId: string
  /** Values as text. */
  readonly attributes: Labels
  readonly service: string
  readonly host: string
}

const keyed = ['kind', 'title', 'source', 'id', 'subject', 'text', 'result', 'traceID', 'spanID'] as const

export const eventDecoder: Decoder<ServerEvent> = (value, path) => {
  const body = fields(value, path)
  const attributes = Object.fromEntries(
    Object.entries(optional(fields, {})(body.attributes, `${path}.attributes`)).map(([name, held]) => [
      name,
      valueText(held),
    ]),
  )
  const word = (name: string) => optional(text, '')(body[name], `${path}.${name}`)
  const ns = text(body.time, `${path}.time`)
  return {
    key: `${ns}-${hashText(keyed.map(word).join('\u0001')).toString(36)}`,
    ns,
    time: msOf(ns),
    end: body.end === undefined ? null : msOf(text(body.end, `${path}.end`)),
    durationNs: optional<number | null>(number, null)(body.duration, `${path}.duration`),
    kind: text(body.kind, `${path}.kind`),
    title: text(body.title, `${path}.title`),
    severity: word('severity'),
    text: word('text'),
    source: word('source'),
    subject: word('subject'),
    result: word('result'),
    link: word('link'),
    id: word('id'),
    traceId: word('traceID'),
    spanId: word('spanID'),
    attributes,
    service: attributes['service.name'] ?? '',
    host: attributes['host.name'] ?? '',
  }
}

/** How often each value comes, by what is counted. */
export type Facets = Readonly<Record<string, Readonly<Record<string, number>>>>

/** Events of each kind, bucket by bucket. */
export interface EventCounts {
  readonly total: number
  /** Unix milliseconds at which the first bucket begins, and how long each is. */
  readonly start: number
  readonly stepMs: number
  readonly kinds: Readonly<Record<string, readonly number[]>>
  readonly facets: Facets
}

export interface EventPage {
  readonly events: readonly ServerEvent[]
  /** Where the next page begins; null at the end. */
  readonly next: string | null
  /** Where they were asked for. */
  readonly counts: EventCounts | null
}

const counts: Decoder<EventCounts> = (value, path) => {
  const body = fields(value, path)
  const timeline = fields(body.timeline, `${path}.timeline`)
  return {
    total: number(body.total, `${path}.total`),
    start: Number(text(timeline.start, `${path}.timeline.start`)) / 1e6,
    stepMs: Number(text(timeline.step, `${path}.timeline.step`)) / 1e6,
    kinds: dictionary(list(number))(timeline.kinds, `${path}.timeline.kinds`),
    facets: dictionary(dictionary(number))(body.facets, `${path}.facets`),
  }
}

const page: Decoder<EventPage> = (value, path) => {
  const body = fields(value, path)
  return {
    events: list(eventDecoder)(body.events, `${path}.events`),
    next: optional<string | null>(text, null)(body.next, `${path}.next`),
    counts: body.timeline === undefined ? null : counts(value, path),
  }
}

/** What a chart marks: an event, or a moment that is like one. */
export type MarkedEvent = Pick<
  ServerEvent,
  'time' | 'end' | 'kind' | 'title' | 'severity' | 'result' | 'service' | 'host'
>

/** What is looked for, in the words of the API; each name any number of times. */
export type EventConditions = Readonly<Record<string, readonly string[]>>

export interface EventsAsked {
  /** Unix milliseconds. */
  readonly from: number
  readonly to: number
  readonly conditions: EventConditions
  readonly limit: number
  readonly after?: string
  readonly buckets?: number
}

/** A page of events, the newest first. */
export function eventPage(asked: EventsAsked, signal?: AbortSignal): Promise<Answer<EventPage>> {
  const { from, to, conditions, limit, after, buckets } = asked
  const params = { ...conditions, start: nanosOf(from), end: nanosOf(to), limit, after, buckets }
  return request('/api/v1/events', params, page, signal)
}

const events: Decoder<readonly ServerEvent[]> = (value, path) => page(value, path).events

/** The newest events of a range, in Unix milliseconds. */
export function fetchEvents(
  from: number,
  to: number,
  limit: number,
  signal?: AbortSignal,
  conditions: EventConditions = {},
): Promise<Answer<readonly ServerEvent[]>> {
  const params = { ...conditions, start: nanosOf(from), end: nanosOf(to), limit }
  return request('/api/v1/events', params, events, signal)
}
