import { fields, items, list, number, optional, text, type Decoder } from './decode'
import { request } from './http'
import type { Answer } from './types'

export type IssueStatus = 'unresolved' | 'resolved' | 'ignored'
export type IssueLevel = 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace' | 'unknown'

export const issueLevels: readonly IssueLevel[] = ['fatal', 'error', 'warn', 'info', 'debug']

/** Events that are the same failure, in a line of a list. */
export interface Issue {
  readonly id: string
  readonly project: string
  readonly title: string
  readonly culprit: string
  readonly type: string
  readonly platform: string
  readonly service: string
  readonly level: IssueLevel
  readonly status: IssueStatus
  readonly regressed: boolean
  readonly assigned: string | null
  /** Unix milliseconds. */
  readonly firstSeen: number
  readonly lastSeen: number
  readonly events: number
  readonly eventsInRange: number
  readonly unhandled: number
  readonly users: number
  readonly groups: number
  readonly buckets: readonly number[]
  readonly firstRelease: string
  readonly lastRelease: string
}

export const flag: Decoder<boolean> = (value) => value === true
export const moment: Decoder<number> = (value, path) => Date.parse(text(value, path))
export const words = optional(text, '')

const statuses: readonly IssueStatus[] = ['unresolved', 'resolved', 'ignored']

export const statusDecoder: Decoder<IssueStatus> = (value, path) => {
  const word = text(value, path)
  return statuses.find((status) => status === word) ?? 'unresolved'
}

export const levelDecoder: Decoder<IssueLevel> = (value) =>
  [...issueLevels, 'trace' as const].find((level) => level === value) ?? 'unknown'

export const issueDecoder: Decoder<Issue> = (value, path) => {
  const body = fields(value, path)
  const of = <T>(name: string, decode: Decoder<T>): T => decode(body[name], `${path}.${name}`)
  return {
    id: of('id', text),
    project: of('project', text),
    title: of('title', text),
    culprit: of('culprit', text),
    type: of('type', text),
    platform: of('platform', text),
    service: of('service', text),
    level: of('level', levelDecoder),
    status: of('status', statusDecoder),
    regressed: of('regressed', flag),
    assigned: of('assigned', optional<string | null>(text, null)),
    firstSeen: of('firstSeen', moment),
    lastSeen: of('lastSeen', moment),
    events: of('events', number),
    eventsInRange: of('eventsInRange', number),
    unhandled: of('unhandled', number),
    users: of('users', number),
    groups: of('groups', number),
    buckets: of('buckets', list(number)),
    firstRelease: of('firstRelease', words),
    lastRelease: of('lastRelease', words),
  }
}

export const issueSorts = ['last_seen', 'first_seen', 'events', 'users', 'trend'] as const
export type IssueSort = (typeof issueSorts)[number]

/** Values that issues of a range have, with how many issues have each. */
export type Facets = Readonly<Record<string, readonly (readonly [value: string, issues: number])[]>>

export interface IssueList {
  readonly issues: readonly Issue[]
  readonly total: number
  readonly counts: Readonly<Record<IssueStatus, number>>
  readonly start: number
  readonly end: number
  readonly bucketMs: number
  /** Events of all that was found, by project, part by part. */
  readonly timeline: Readonly<Record<string, readonly number[]>> | null
  readonly facets: Facets
}

const pair: Decoder<readonly [string, number]> = (value, path) => {
  const [name, count] = items(value, path)
  return [text(name, `${path}[0]`), number(count, `${path}[1]`)]
}

const listDecoder: Decoder<IssueList> = (value, path) => {
  const body = fields(value, path)
  const counts = fields(body.counts, `${path}.counts`)
  const count = (status: IssueStatus) => number(counts[status], `${path}.counts.${status}`)
  const timeline = optional<Readonly<Record<string, unknown>> | null>(fields, null)(body.timeline, path)
  const entries = <T>(of: unknown, at: string, decode: Decoder<T>): Record<string, T> =>
    Object.fromEntries(
      Object.entries(optional(fields, {})(of, at)).map(([name, each]) => [
        name,
        decode(each, `${at}.${name}`),
      ]),
    )
  return {
    issues: list(issueDecoder)(body.issues, `${path}.issues`),
    total: number(body.total, `${path}.total`),
    counts: { unresolved: count('unresolved'), resolved: count('resolved'), ignored: count('ignored') },
    start: moment(body.start, `${path}.start`),
    end: moment(body.end, `${path}.end`),
    bucketMs: number(body.bucketSeconds, `${path}.bucketSeconds`) * 1000,
    timeline: timeline === null ? null : entries(timeline.series, `${path}.timeline`, list(number)),
    facets: entries(body.facets, `${path}.facets`, list(pair)),
  }
}

/** A span of time in Unix milliseconds and into how many parts counts over it are put. */
export interface IssueWindow {
  readonly from: number
  readonly to: number
  readonly buckets: number
}

export const windowParams = ({ from, to, buckets }: IssueWindow) => ({
  start: from / 1000,
  end: to / 1000,
  buckets,
})

export interface IssueQuestion {
  readonly project?: string | undefined
  readonly status: IssueStatus | 'all'
  readonly query: string
  readonly sort: IssueSort
  readonly limit: number
  readonly offset: number
  /** With counts over time and the values that conditions can have. */
  readonly overview: boolean
}

export function issueList(
  asked: IssueQuestion,
  window: IssueWindow,
  signal?: AbortSignal,
): Promise<Answer<IssueList>> {
  const params = {
    ...windowParams(window),
    project: asked.project,
    status: asked.status,
    query: asked.query === '' ? undefined : asked.query,
    sort: asked.sort,
    limit: asked.limit,
    offset: asked.offset,
    ...(asked.overview ? { timeline: 'project', facets: 'true' } : {}),
  }
  return request('/api/v1/errors/issues', params, listDecoder, signal)
}

export interface IgnoreUntil {
  readonly duration?: string
  readonly time?: string
  readonly events?: number
  readonly users?: number
}

/** What people do to issues. */
export type IssueAction =
  | { readonly action: 'resolve'; readonly inRelease?: string; readonly inNextRelease?: boolean }
  | { readonly action: 'unresolve' }
  | { readonly action: 'ignore'; readonly until?: IgnoreUntil }
  | { readonly action: 'assign'; readonly to?: string }
  | { readonly action: 'merge'; readonly issues: readonly string[] }
  | { readonly action: 'split'; readonly groups: readonly string[] }
  | { readonly action: 'comment'; readonly text: string }

const anything: Decoder<unknown> = (value) => value

/** How many issues one request may name. */
const idsMax = 500

/** Does something to issues; it is on disk when this returns. */
export async function actOnIssues(ids: readonly string[], action: IssueAction, by: string): Promise<void> {
  const [only] = ids
  if (ids.length === 1 && only !== undefined) {
    const path = `/api/v1/errors/issues/${encodeURIComponent(only)}`
    await request(path, {}, anything, undefined, { json: { ...action, by } })
    return
  }
  for (let at = 0; at < ids.length; at += idsMax) {
    const json = { ...action, by, ids: ids.slice(at, at + idsMax) }
    await request('/api/v1/errors/issues', {}, anything, undefined, { json })
  }
}

export interface ErrorProject {
  readonly name: string
  readonly id: number | null
  readonly unresolved: number
  readonly newestRelease: string
}

const projectDecoder: Decoder<ErrorProject> = (value, path) => {
  const body = fields(value, path)
  const newest = body.newestRelease
  return {
    name: text(body.name, `${path}.name`),
    id: optional<number | null>(number, null)(body.id, `${path}.id`),
    unresolved: number(body.unresolved, `${path}.unresolved`),
    newestRelease: words(newest, `${path}.newestRelease`),
  }
}

/** Projects that have sent something, and those of the configuration. */
export async function errorProjects(signal?: AbortSignal): Promise<ErrorProject[]> {
  return (await request('/api/v1/errors/projects', {}, list(projectDecoder), signal)).data
}
