import { dictionary, fields, list, number, optional, text, type Decoder } from './decode'
import { request, type Params } from './http'
import type { Labels } from './types'
import { msOf, nanosOf, type Nanos } from '@/lib/nanos'

export const entityTypes = [
  'service',
  'instance',
  'endpoint',
  'host',
  'process',
  'container',
  'pod',
  'node',
  'database',
  'queue',
] as const
export type EntityType = (typeof entityTypes)[number]

export const entityHealths = ['critical', 'warning', 'ok', 'gone'] as const
export type EntityHealth = (typeof entityHealths)[number]

/** What signals are about, as the catalogue has it. */
export interface Entity {
  readonly type: string
  readonly id: string
  readonly name: string
  readonly health: string
  /** Alerts about it that fire. */
  readonly alerts: number
  /** Unix milliseconds; null of what was never seen. */
  readonly firstSeen: number | null
  readonly lastSeen: number | null
  readonly attributes: Labels
  /** The signals that named it. */
  readonly seenIn: readonly string[]
}

const milliseconds: Decoder<number> = (value, path) => Math.round(number(value, path) * 1000)

const entity: Decoder<Entity> = (value, path) => {
  const body = fields(value, path)
  return {
    type: text(body.type, `${path}.type`),
    id: text(body.id, `${path}.id`),
    name: text(body.name, `${path}.name`),
    health: text(body.health, `${path}.health`),
    alerts: optional(number, 0)(body.alerts, `${path}.alerts`),
    firstSeen: optional<number | null>(milliseconds, null)(body.firstSeen, `${path}.firstSeen`),
    lastSeen: optional<number | null>(milliseconds, null)(body.lastSeen, `${path}.lastSeen`),
    attributes: optional(dictionary(text), {})(body.attributes, `${path}.attributes`),
    seenIn: optional(list(text), [])(body.seenIn, `${path}.seenIn`),
  }
}

export interface EntityList {
  readonly entities: readonly Entity[]
  readonly total: number
  /** How many of each type meet the other conditions. */
  readonly types: Readonly<Record<string, number>>
}

const entityList: Decoder<EntityList> = (value, path) => {
  const body = fields(value, path)
  return {
    entities: list(entity)(body.entities, `${path}.entities`),
    total: number(body.total, `${path}.total`),
    types: dictionary(number)(body.types, `${path}.types`),
  }
}

export interface EntitiesAsked {
  readonly type?: string
  readonly text?: string
  readonly health?: string
  /** Seen within, Unix milliseconds. */
  readonly from: number
  readonly to: number
  readonly limit: number
}

export async function fetchEntities(asked: EntitiesAsked, signal?: AbortSignal): Promise<EntityList> {
  const { from, to, ...rest } = asked
  const params = { ...rest, start: nanosOf(from), end: nanosOf(to) }
  return (await request('/api/v1/entities', params, entityList, signal)).data
}

/** How a signal is asked for an entity, and how much of it there is. */
export interface SignalSelector {
  readonly selector: string
  readonly count: number
}

export interface EntitySignals {
  readonly metrics: readonly SignalSelector[]
  readonly logs: readonly SignalSelector[]
  readonly traces: readonly SignalSelector[]
  readonly errors: readonly SignalSelector[]
  readonly events: readonly SignalSelector[]
}
export type SignalName = keyof EntitySignals

const selectors =
  (counted: string): Decoder<SignalSelector[]> =>
  (value, path) =>
    list((entry, at) => {
      const body = fields(entry, at)
      return {
        selector: text(body.selector, `${at}.selector`),
        count: optional(number, 0)(body[counted], `${at}.${counted}`),
      }
    })(value, path)

const signals: Decoder<EntitySignals> = (value, path) => {
  const body = fields(value, path)
  return {
    metrics: selectors('series')(body.metrics, `${path}.metrics`),
    logs: selectors('records')(body.logs, `${path}.logs`),
    traces: selectors('spans')(body.traces, `${path}.traces`),
    errors: selectors('issues')(body.errors, `${path}.errors`),
    events: selectors('records')(body.events, `${path}.events`),
  }
}

export type RelationName = 'runs_on' | 'part_of' | 'calls'

export interface Neighbour {
  readonly type: string
  readonly id: string
  readonly name: string
  readonly relation: string
  readonly incoming: boolean
  /** From when to when the relation was seen, Unix milliseconds. */
  readonly from: number
  readonly to: number
  readonly health: string
}

const neighbour: Decoder<Neighbour> = (value, path) => {
  const body = fields(value, path)
  return {
    type: text(body.type, `${path}.type`),
    id: text(body.id, `${path}.id`),
    name: text(body.name, `${path}.name`),
    relation: text(body.relation, `${path}.relation`),
    incoming: body.direction === 'in',
    from: milliseconds(body.from, `${path}.from`),
    to: milliseconds(body.to, `${path}.to`),
    health: text(body.health, `${path}.health`),
  }
}

export interface AttributeChange {
  readonly time: number
  readonly attribute: string
  readonly before: string
}

export interface EntityPage extends Entity {
  readonly neighbours: readonly Neighbour[]
  /** The newest first. */
  readonly changes: readonly AttributeChange[]
  readonly signals: EntitySignals
}

const entityPage: Decoder<EntityPage> = (value, path) => {
  const body = fields(value, path)
  return {
    ...entity(value, path),
    neighbours: list(neighbour)(body.neighbours, `${path}.neighbours`),
    changes: list((entry, at) => {
      const change = fields(entry, at)
      return {
        time: milliseconds(change.time, `${at}.time`),
        attribute: text(change.attribute, `${at}.attribute`),
        before: text(change.before, `${at}.before`),
      }
    })(body.changes, `${path}.changes`),
    signals: signals(body.signals, `${path}.signals`),
  }
}

export async function fetchEntity(
  type: string,
  id: string,
  range: { readonly from: number; readonly to: number },
  signal?: AbortSignal,
): Promise<EntityPage> {
  const path = `/api/v1/entities/${type}/${id.split('/').map(encodeURIComponent).join('/')}`
  const params = { start: nanosOf(range.from), end: nanosOf(range.to) }
  return (await request(path, params, entityPage, signal)).data
}

/** A record of a preview: a line, a span, an issue. */
export interface PreviewItem {
  readonly time: number
  readonly text: string
  readonly traceId: string
  /** Of an issue. */
  readonly id: string
}

export interface Correlation {
  readonly start: number
  readonly end: number
  readonly entity: Entity
  /** All that the labels name. */
  readonly entities: readonly { readonly type: string; readonly id: string; readonly known: boolean }[]
  readonly signals: EntitySignals
  readonly preview: {
    readonly logs: readonly PreviewItem[]
    readonly traces: readonly PreviewItem[]
    readonly errors: readonly PreviewItem[]
    readonly events: readonly PreviewItem[]
  }
}

const previewItem: Decoder<PreviewItem> = (value, path) => {
  const body = fields(value, path)
  const title = optional(text, '')(body.title, `${path}.title`)
  const time: Nanos | null = typeof body.time === 'string' ? body.time : null
  return {
    time: time === null ? milliseconds(body.lastSeen, `${path}.lastSeen`) : msOf(time),
    text: title === '' ? optional(text, '')(body.text, `${path}.text`) : title,
    traceId: optional(text, '')(body.traceID, `${path}.traceID`),
    id: optional(text, '')(body.id, `${path}.id`),
  }
}

const correlation: Decoder<Correlation> = (value, path) => {
  const body = fields(value, path)
  const of = fields(body.signals, `${path}.signals`)
  const preview = fields(of.preview, `${path}.signals.preview`)
  const shown = (name: string) => optional(list(previewItem), [])(preview[name], `${path}.preview.${name}`)
  return {
    start: msOf(text(body.start, `${path}.start`)),
    end: msOf(text(body.end, `${path}.end`)),
    entity: entity(body.entity, `${path}.entity`),
    entities: list((entry, at) => {
      const named = fields(entry, at)
      return {
        type: text(named.type, `${at}.type`),
        id: text(named.id, `${at}.id`),
        known: named.known === true,
      }
    })(body.entities, `${path}.entities`),
    signals: signals(of, `${path}.signals`),
    preview: {
      logs: shown('logs'),
      traces: shown('traces'),
      errors: shown('errors'),
      events: shown('events'),
    },
  }
}

/** What else there is about whoever labels name, at a time. */
export async function correlate(
  about: { readonly labels: Labels } | { readonly type: string; readonly id: string },
  range: { readonly from: number; readonly to: number },
  signal?: AbortSignal,
): Promise<Correlation> {
  const named: Params =
    'labels' in about
      ? { label: Object.entries(about.labels).map(([name, value]) => `${name}:${value}`) }
      : { ...about }
  const params = { ...named, start: nanosOf(range.from), end: nanosOf(range.to) }
  return (await request('/api/v1/correlate', params, correlation, signal)).data
}
