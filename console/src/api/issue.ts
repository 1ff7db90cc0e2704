import { fields, list, number, optional, text, type Decoder } from './decode'
import { eventDecoder, type ErrorEvent } from './errorEvent'
import {
  flag,
  issueDecoder,
  levelDecoder,
  moment,
  statusDecoder,
  windowParams,
  words,
  type Issue,
  type IssueLevel,
  type IssueStatus,
  type IssueWindow,
} from './errors'
import { request } from './http'

/** What an issue is ignored until, whichever is first; for good where nothing is said. */
export interface UntilShown {
  readonly at: number | null
  readonly events: number | null
  readonly users: number | null
}

export interface IssueLife {
  readonly status: IssueStatus
  readonly since: number
  readonly inRelease: string
  readonly afterRelease: string
  readonly ignoredUntil: UntilShown | null
  readonly regressed: boolean
  readonly regressions: number
  readonly assigned: string | null
}

export interface Happening {
  readonly at: number
  readonly by: string
  readonly what: string
  readonly release: string
  readonly status: IssueStatus | null
  readonly inRelease: string
  readonly afterRelease: string
  readonly until: UntilShown | null
  readonly to: string | null
  readonly issues: readonly string[]
  readonly text: string
}

export interface NamedCount {
  readonly name: string
  readonly events: number
  readonly firstSeen: number
  readonly lastSeen: number
}

/** A group of events that the rules say are the same. */
export interface IssuePart {
  readonly id: string
  readonly title: string
  readonly culprit: string
  readonly rule: string
  readonly events: number
  readonly firstSeen: number
  readonly lastSeen: number
}

export interface IssueDocument extends Issue {
  readonly life: IssueLife
  /** The newest first. */
  readonly activity: readonly Happening[]
  readonly releases: readonly NamedCount[]
  readonly environments: readonly NamedCount[]
  readonly parts: readonly IssuePart[]
  readonly start: number
  readonly end: number
  readonly bucketMs: number
  /** Nothing where all events are past retention. */
  readonly latestEvent: ErrorEvent | null
}

const count = optional<number | null>(number, null)

/** Times are texts in the life of an issue and milliseconds in its history. */
const until: Decoder<UntilShown> = (value, path) => {
  const body = fields(value, path)
  const at = body.time ?? body.time_ms
  return {
    at: typeof at === 'number' ? at : optional<number | null>(moment, null)(at, `${path}.time`),
    events: count(body.events, `${path}.events`),
    users: count(body.users, `${path}.users`),
  }
}

const untilOrNot = optional<UntilShown | null>(until, null)

const lifeDecoder: Decoder<IssueLife> = (value, path) => {
  const body = fields(value, path)
  return {
    status: statusDecoder(body.status, `${path}.status`),
    since: moment(body.since, `${path}.since`),
    inRelease: words(body.inRelease, `${path}.inRelease`),
    afterRelease: words(body.afterRelease, `${path}.afterRelease`),
    ignoredUntil: untilOrNot(body.ignoredUntil, `${path}.ignoredUntil`),
    regressed: flag(body.regressed, path),
    regressions: number(body.regressions, `${path}.regressions`),
    assigned: optional<string | null>(text, null)(body.assigned, `${path}.assigned`),
  }
}

const happening: Decoder<Happening> = (value, path) => {
  const body = fields(value, path)
  const issues = body.from ?? body.into
  return {
    at: moment(body.at, `${path}.at`),
    by: words(body.by, `${path}.by`),
    what: text(body.what, `${path}.what`),
    release: words(body.release, `${path}.release`),
    status: optional<IssueStatus | null>(statusDecoder, null)(body.status, `${path}.status`),
    inRelease: words(body.in_release, `${path}.in_release`),
    afterRelease: words(body.after_release, `${path}.after_release`),
    until: untilOrNot(body.until, `${path}.until`),
    to: optional<string | null>(text, null)(body.to, `${path}.to`),
    issues: optional(list(text), [])(issues, `${path}.issues`),
    text: words(body.text, `${path}.text`),
  }
}

const named: Decoder<NamedCount> = (value, path) => {
  const body = fields(value, path)
  return {
    name: text(body.name, `${path}.name`),
    events: number(body.events, `${path}.events`),
    firstSeen: moment(body.firstSeen, `${path}.firstSeen`),
    lastSeen: moment(body.lastSeen, `${path}.lastSeen`),
  }
}

const part: Decoder<IssuePart> = (value, path) => {
  const body = fields(value, path)
  return {
    id: text(body.id, `${path}.id`),
    title: text(body.title, `${path}.title`),
    culprit: text(body.culprit, `${path}.culprit`),
    rule: text(body.rule, `${path}.rule`),
    events: number(body.events, `${path}.events`),
    firstSeen: moment(body.firstSeen, `${path}.firstSeen`),
    lastSeen: moment(body.lastSeen, `${path}.lastSeen`),
  }
}

const documentDecoder: Decoder<IssueDocument> = (value, path) => {
  const body = fields(value, path)
  return {
    ...issueDecoder(value, path),
    life: lifeDecoder(body.life, `${path}.life`),
    activity: list(happening)(body.activity, `${path}.activity`),
    releases: list(named)(body.releases, `${path}.releases`),
    environments: list(named)(body.environments, `${path}.environments`),
    parts: list(part)(body.parts, `${path}.parts`),
    start: moment(body.start, `${path}.start`),
    end: moment(body.end, `${path}.end`),
    bucketMs: number(body.bucketSeconds, `${path}.bucketSeconds`) * 1000,
    latestEvent: optional<ErrorEvent | null>(eventDecoder, null)(body.latestEvent, `${path}.latestEvent`),
  }
}

const pathOf = (id: string, rest = '') => `/api/v1/errors/issues/${encodeURIComponent(id)}${rest}`

export async function issueById(
  id: string,
  window: IssueWindow,
  signal?: AbortSignal,
): Promise<IssueDocument> {
  return (await request(pathOf(id), windowParams(window), documentDecoder, signal)).data
}

export interface TagValues {
  readonly name: string
  readonly events: number
  readonly distinct: number
  readonly top: readonly { readonly value: string; readonly events: number }[]
}

export interface IssueTags {
  /** How many events were looked at. */
  readonly events: number
  readonly tags: readonly TagValues[]
}

const tagsDecoder: Decoder<IssueTags> = (value, path) => {
  const body = fields(value, path)
  const one: Decoder<TagValues> = (entry, at) => {
    const tag = fields(entry, at)
    return {
      name: text(tag.name, `${at}.name`),
      events: number(tag.events, `${at}.events`),
      distinct: number(tag.distinct, `${at}.distinct`),
      top: list((each, of) => {
        const top = fields(each, of)
        return { value: text(top.value, `${of}.value`), events: number(top.events, `${of}.events`) }
      })(tag.top, `${at}.top`),
    }
  }
  return { events: number(body.events, `${path}.events`), tags: list(one)(body.tags, `${path}.tags`) }
}

export async function issueTags(
  id: string,
  range: { readonly from: number; readonly to: number },
  signal?: AbortSignal,
): Promise<IssueTags> {
  const params = { start: range.from / 1000, end: range.to / 1000 }
  return (await request(pathOf(id, '/tags'), params, tagsDecoder, signal)).data
}

/** One event in a line of a list. */
export interface EventLine {
  readonly id: string
  readonly time: number
  readonly title: string
  readonly message: string
  readonly level: IssueLevel
  readonly release: string
  readonly environment: string
  readonly user: string
  readonly transaction: string
  readonly host: string
  readonly traceId: string
}

export interface EventPage {
  readonly events: readonly EventLine[]
  readonly next: string | null
}

const eventLine: Decoder<EventLine> = (value, path) => {
  const body = fields(value, path)
  const of = (name: string) => words(body[name], `${path}.${name}`)
  return {
    id: text(body.id, `${path}.id`),
    time: moment(body.time, `${path}.time`),
    title: of('title'),
    message: of('message'),
    level: levelDecoder(body.level, `${path}.level`),
    release: of('release'),
    environment: of('environment'),
    user: of('user'),
    transaction: of('transaction'),
    host: of('host'),
    traceId: of('traceID'),
  }
}

const pageDecoder: Decoder<EventPage> = (value, path) => {
  const body = fields(value, path)
  return {
    events: list(eventLine)(body.events, `${path}.events`),
    next: optional<string | null>(text, null)(body.next, `${path}.next`),
  }
}

export async function issueEvents(
  id: string,
  before: string | undefined,
  limit: number,
  signal?: AbortSignal,
): Promise<EventPage> {
  return (await request(pathOf(id, '/events'), { before, limit }, pageDecoder, signal)).data
}

/** What a user said of an event. */
export interface Said {
  readonly event: string
  readonly time: number
  readonly name: string
  readonly email: string
  readonly text: string
  readonly url: string
}

const saidDecoder: Decoder<Said> = (value, path) => {
  const body = fields(value, path)
  const said = optional(fields, {})(body.said, `${path}.said`)
  return {
    event: text(body.event, `${path}.event`),
    time: moment(body.time, `${path}.time`),
    name: words(said.name, `${path}.said.name`),
    email: words(said.email, `${path}.said.email`),
    text: words(said.text, `${path}.said.text`),
    url: words(said.url, `${path}.said.url`),
  }
}

/** What users said of the events of an issue, at any time. */
export async function issueFeedback(id: string, signal?: AbortSignal): Promise<Said[]> {
  const params = { start: 0, end: Math.ceil(Date.now() / 1000) + 60, limit: 100 }
  return (await request(pathOf(id, '/feedback'), params, list(saidDecoder), signal)).data
}
