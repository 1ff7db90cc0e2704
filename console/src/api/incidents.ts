import { fields, list, number, optional, text, type Decoder } from './decode'
import { eventDecoder, type ServerEvent } from './events'
import { labelsDecoder, request } from './http'
import type { Labels } from './types'

export const incidentStatuses = ['triggered', 'acknowledged', 'resolved'] as const
export type IncidentStatus = (typeof incidentStatuses)[number]

export interface IncidentEntity {
  readonly type: string
  readonly id: string
  readonly name: string
}

export interface Escalation {
  readonly policy: string
  /** The step last taken, from 1; 0 where none was. */
  readonly step: number
  readonly steps: number
  readonly round: number
  readonly rounds: number
  readonly state: 'waiting' | 'paused' | 'stopped' | 'done'
  readonly nextAt: number | null
}

/** Alerts that belong together. Times are milliseconds since the epoch. */
export interface Incident {
  readonly id: number
  readonly title: string
  readonly status: IncidentStatus
  readonly severity: string
  /** None of its alerts fires. */
  readonly quiet: boolean
  readonly startedAt: number
  readonly updatedAt: number
  readonly acknowledgedAt: number | null
  readonly acknowledgedBy: string | null
  readonly quietSince: number | null
  readonly resolvedAt: number | null
  readonly resolvedBy: string | null
  readonly assigned: string | null
  readonly mergedInto: number | null
  readonly entities: readonly IncidentEntity[]
  readonly labels: Labels
  readonly alertCount: number
  readonly firing: number
  readonly escalation: Escalation | null
}

export interface IncidentAlert {
  readonly fingerprint: string
  readonly name: string
  readonly severity: string
  readonly firing: boolean
  readonly startsAt: number
  readonly endsAt: number | null
  /** How often it began to fire. */
  readonly times: number
  readonly summary: string
  readonly labels: Labels
  readonly annotations: Labels
  /** Empty of alerts that others sent. */
  readonly expr: string
  readonly entities: readonly IncidentEntity[]
}

export interface IncidentDetail extends Incident {
  readonly alerts: readonly IncidentAlert[]
  readonly droppedEntries: number
  /** The address of the report. */
  readonly postmortem: string
}

export interface IncidentList {
  readonly incidents: readonly Incident[]
  readonly total: number
  readonly counts: Readonly<Record<IncidentStatus, number>>
  /** Whether there are policies of escalation. */
  readonly onCall: boolean
}

const flag: Decoder<boolean> = (value) => value === true
const maybeText = optional<string | null>(text, null)
const maybeNumber = optional<number | null>(number, null)
export const instant: Decoder<number | null> = (value, path) => {
  const written = maybeText(value, path)
  const at = written === null ? NaN : Date.parse(written)
  return Number.isNaN(at) ? null : at
}
export const moment: Decoder<number> = (value, path) => instant(value, path) ?? 0

const entity: Decoder<IncidentEntity> = (value, path) => {
  const body = fields(value, path)
  const id = text(body.id, `${path}.id`)
  return { type: text(body.type, `${path}.type`), id, name: optional(text, id)(body.name, `${path}.name`) }
}

const escalation: Decoder<Escalation> = (value, path) => {
  const body = fields(value, path)
  const figure = (name: string) => optional(number, 0)(body[name], `${path}.${name}`)
  const states = ['waiting', 'paused', 'stopped'] as const
  return {
    policy: text(body.policy, `${path}.policy`),
    step: figure('step'),
    steps: figure('steps'),
    round: figure('round'),
    rounds: figure('rounds'),
    state: states.find((state) => state === body.state) ?? 'done',
    nextAt: instant(body.nextAt, `${path}.nextAt`),
  }
}

export const incidentDecoder: Decoder<Incident> = (value, path) => {
  const body = fields(value, path)
  const word = (name: string) => maybeText(body[name], `${path}.${name}`)
  const at = (name: string) => instant(body[name], `${path}.${name}`)
  return {
    id: number(body.id, `${path}.id`),
    title: text(body.title, `${path}.title`),
    status: incidentStatuses.find((status) => status === body.status) ?? 'triggered',
    severity: word('severity') ?? '',
    quiet: flag(body.quiet, `${path}.quiet`),
    startedAt: moment(body.startedAt, `${path}.startedAt`),
    updatedAt: moment(body.updatedAt, `${path}.updatedAt`),
    acknowledgedAt: at('acknowledgedAt'),
    acknowledgedBy: word('acknowledgedBy'),
    quietSince: at('quietSince'),
    resolvedAt: at('resolvedAt'),
    resolvedBy: word('resolvedBy'),
    assigned: word('assigned'),
    mergedInto: maybeNumber(body.mergedInto, `${path}.mergedInto`),
    entities: optional(list(entity), [])(body.entities, `${path}.entities`),
    labels: optional(labelsDecoder, {})(body.labels, `${path}.labels`),
    alertCount: optional(number, 0)(body.alertCount, `${path}.alertCount`),
    firing: optional(number, 0)(body.firing, `${path}.firing`),
    escalation: optional<Escalation | null>(escalation, null)(body.escalation, `${path}.escalation`),
  }
}

const alert: Decoder<IncidentAlert> = (value, path) => {
  const body = fields(value, path)
  const word = (name: string) => optional(text, '')(body[name], `${path}.${name}`)
  return {
    fingerprint: text(body.fingerprint, `${path}.fingerprint`),
    name: word('name'),
    severity: word('severity'),
    firing: body.state === 'firing',
    startsAt: moment(body.startsAt, `${path}.startsAt`),
    endsAt: instant(body.endsAt, `${path}.endsAt`),
    times: optional(number, 1)(body.times, `${path}.times`),
    summary: word('summary'),
    labels: optional(labelsDecoder, {})(body.labels, `${path}.labels`),
    annotations: optional(labelsDecoder, {})(body.annotations, `${path}.annotations`),
    expr: word('expr'),
    entities: optional(list(entity), [])(body.entities, `${path}.entities`),
  }
}

const detail: Decoder<IncidentDetail> = (value, path) => {
  const body = fields(value, path)
  return {
    ...incidentDecoder(value, path),
    alerts: optional(list(alert), [])(body.alerts, `${path}.alerts`),
    droppedEntries: optional(number, 0)(body.droppedEntries, `${path}.droppedEntries`),
    postmortem: optional(text, '')(body.postmortem, `${path}.postmortem`),
  }
}

const incidentList: Decoder<IncidentList> = (value, path) => {
  const body = fields(value, path)
  const counts = fields(body.counts, `${path}.counts`)
  const count = (name: IncidentStatus) => optional(number, 0)(counts[name], `${path}.counts.${name}`)
  return {
    incidents: list(incidentDecoder)(body.incidents, `${path}.incidents`),
    total: number(body.total, `${path}.total`),
    counts: {
      triggered: count('triggered'),
      acknowledged: count('acknowledged'),
      resolved: count('resolved'),
    },
    onCall: flag(body.onCall, `${path}.onCall`),
  }
}

export interface IncidentsAsked {
  readonly status?: string | undefined
  readonly severity?: string | undefined
  readonly assigned?: string | undefined
  readonly entity?: string | undefined
  readonly query?: string | undefined
  readonly sort?: string | undefined
  readonly limit: number
  readonly offset?: number
}

export async function incidents(asked: IncidentsAsked, signal?: AbortSignal): Promise<IncidentList> {
  return (await request('/api/v1/incidents', { ...asked }, incidentList, signal)).data
}

export async function incident(id: number, signal?: AbortSignal): Promise<IncidentDetail> {
  return (await request(`/api/v1/incidents/${id}`, {}, detail, signal)).data
}

/** Whether a receiver was told. */
export interface Notification {
  readonly receiver: string
  readonly way: string
  /** null while it is under way. */
  readonly outcome: string | null
}

/** Something that happened to an incident, or around it. What belongs to its kind is set, the rest is empty. */
export interface TimelineEntry {
  readonly key: string
  readonly at: number
  readonly kind: string
  readonly by: string | null
  readonly title: string
  readonly severity: string
  readonly text: string
  readonly from: string
  readonly to: string | null
  readonly name: string
  readonly summary: string
  readonly policy: string | null
  readonly step: number
  readonly people: readonly string[]
  readonly schedules: readonly string[]
  readonly reached: boolean
  readonly person: string
  readonly notifications: readonly Notification[]
  readonly reason: string
  readonly alertNames: readonly string[]
  readonly alertCount: number
  readonly incident: number | null
  readonly event: ServerEvent | null
  readonly issue: { readonly id: string; readonly title: string; readonly service: string } | null
  readonly what: string
}

const notification: Decoder<Notification> = (value, path) => {
  const body = fields(value, path)
  return {
    receiver: optional(text, '')(body.receiver, `${path}.receiver`),
    way: optional(text, '')(body.way, `${path}.way`),
    outcome: maybeText(body.outcome, `${path}.outcome`),
  }
}

const texts = optional(list(text), [])

export const entryDecoder: Decoder<TimelineEntry> = (value, path) => {
  const body = fields(value, path)
  const word = (name: string) => optional(text, '')(body[name], `${path}.${name}`)
  const kind = text(body.kind, `${path}.kind`)
  const issue = optional<TimelineEntry['issue']>((held, at) => {
    const found = fields(held, at)
    return {
      id: text(found.id, `${at}.id`),
      title: optional(text, '')(found.title, `${at}.title`),
      service: optional(text, '')(found.service, `${at}.service`),
    }
  }, null)(body.issue, `${path}.issue`)
  const event = optional<ServerEvent | null>(eventDecoder, null)(body.event, `${path}.event`)
  const own = maybeNumber(body.number, `${path}.number`)
  const at = moment(body.at, `${path}.at`)
  return {
    key: own !== null ? `n${own}` : `${kind} ${at} ${event?.key ?? issue?.id ?? ''}`,
    at,
    kind,
    by: maybeText(body.by, `${path}.by`),
    title: word('title'),
    severity: word('severity'),
    text: word('text'),
    from: word('from'),
    to: maybeText(body.to, `${path}.to`),
    name: word('name'),
    summary: word('summary'),
    policy: maybeText(body.policy, `${path}.policy`),
    step: optional(number, 0)(body.step, `${path}.step`),
    people: texts(body.people, `${path}.people`),
    schedules: texts(body.schedules, `${path}.schedules`),
    reached: flag(body.reached, `${path}.reached`),
    person: word('person'),
    notifications:
      kind === 'notified'
        ? [notification(value, path)]
        : optional(list(notification), [])(body.notifications, `${path}.notifications`),
    reason: word('reason'),
    alertNames: Array.isArray(body.alerts) ? texts(body.alerts, `${path}.alerts`) : [],
    alertCount: typeof body.alerts === 'number' ? body.alerts : 0,
    incident: maybeNumber(body.incident, `${path}.incident`),
    event,
    issue,
    what: word('what'),
  }
}

export interface Timeline {
  readonly entries: readonly TimelineEntry[]
  /** How many of the oldest are not kept. */
  readonly dropped: number
  readonly truncated: boolean
}

export async function incidentTimeline(id: number, signal?: AbortSignal): Promise<Timeline> {
  const decode: Decoder<Timeline> = (value, path) => {
    const body = fields(value, path)
    return {
      entries: list(entryDecoder)(body.entries, `${path}.entries`),
      dropped: optional(number, 0)(body.dropped, `${path}.dropped`),
      truncated: flag(body.truncated, `${path}.truncated`),
    }
  }
  return (await request(`/api/v1/incidents/${id}/timeline`, {}, decode, signal)).data
}

export type IncidentAction =
  | { readonly action: 'acknowledge' | 'unacknowledge' | 'resolve' | 'reopen' | 'escalate' }
  | { readonly action: 'assign'; readonly to?: string }
  | { readonly action: 'note' | 'title'; readonly text: string }
  | { readonly action: 'merge'; readonly incidents: readonly number[] }
  | { readonly action: 'split'; readonly alerts: readonly string[] }

/** Of several, which could not be done, and why. */
export interface Acted {
  readonly refused: readonly { readonly id: number; readonly error: string }[]
  /** The number of the incident that was split off. */
  readonly split: number | null
}

const acted: Decoder<Acted> = (value, path) => {
  const body = fields(value, path)
  return {
    refused: optional(
      list((entry, at) => {
        const one = fields(entry, at)
        return { id: number(one.id, `${at}.id`), error: optional(text, '')(one.error, `${at}.error`) }
      }),
      [],
    )(body.refused, `${path}.refused`),
    split: maybeNumber(body.split, `${path}.split`),
  }
}

/** Does something to incidents; answered once it is on disk. */
export async function actOnIncidents(
  ids: readonly number[],
  action: IncidentAction,
  by: string,
): Promise<Acted> {
  const said = { ...action, ...(by === '' ? {} : { by }) }
  const [only] = ids
  const one = ids.length === 1 && only !== undefined
  const path = one ? `/api/v1/incidents/${only}` : '/api/v1/incidents'
  const json = one ? said : { ...said, ids }
  return (await request(path, {}, acted, undefined, { json })).data
}
