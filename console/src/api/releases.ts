import { fields, items, list, number, optional, text, type Decoder } from './decode'
import { moment, windowParams, type IssueWindow } from './errors'
import { request } from './http'

/** How a release does in an environment. */
export interface ReleaseHealth {
  readonly environment: string
  readonly started: number
  readonly errored: number
  readonly crashed: number
  readonly abnormal: number
  readonly users: number
  /** From 0 to 1; nothing without sessions. */
  readonly crashFreeSessions: number | null
  readonly crashFreeUsers: number | null
  /** Sessions that started and that crashed, part by part. */
  readonly buckets: readonly (readonly [started: number, crashed: number])[]
}

export interface Release {
  readonly project: string
  readonly release: string
  readonly firstSeen: number
  readonly lastSeen: number
  readonly events: number
  readonly newGroups: number
  readonly sessions: readonly ReleaseHealth[]
}

const share = optional<number | null>(number, null)

const health: Decoder<ReleaseHealth> = (value, path) => {
  const body = fields(value, path)
  const count = (name: string) => number(body[name], `${path}.${name}`)
  return {
    environment: text(body.environment, `${path}.environment`),
    started: count('started'),
    errored: count('errored'),
    crashed: count('crashed'),
    abnormal: count('abnormal'),
    users: count('users'),
    crashFreeSessions: share(body.crashFreeSessions, `${path}.crashFreeSessions`),
    crashFreeUsers: share(body.crashFreeUsers, `${path}.crashFreeUsers`),
    buckets: list((each, at): readonly [number, number] => {
      const [started, crashed] = items(each, at)
      return [number(started, `${at}[0]`), number(crashed, `${at}[1]`)]
    })(body.buckets, `${path}.buckets`),
  }
}

const release: Decoder<Release> = (value, path) => {
  const body = fields(value, path)
  return {
    project: text(body.project, `${path}.project`),
    release: text(body.release, `${path}.release`),
    firstSeen: moment(body.firstSeen, `${path}.firstSeen`),
    lastSeen: moment(body.lastSeen, `${path}.lastSeen`),
    events: number(body.events, `${path}.events`),
    newGroups: number(body.newGroups, `${path}.newGroups`),
    sessions: list(health)(body.sessions, `${path}.sessions`),
  }
}

/** Releases, the newest first, with their health in a range. */
export async function releases(
  asked: { readonly project?: string | undefined; readonly environment?: string | undefined },
  window: IssueWindow,
  signal?: AbortSignal,
): Promise<Release[]> {
  const decode: Decoder<Release[]> = (value, path) =>
    list(release)(fields(value, path).releases, `${path}.releases`)
  const params = { ...windowParams(window), ...asked }
  return (await request('/api/v1/errors/releases', params, decode, signal)).data
}
