import { dictionary, fields, list, number, optional, text, type Decoder } from './decode'
import { labelsDecoder, request } from './http'
import type { Labels } from './types'

const flag: Decoder<boolean> = (value) => value === true
const maybe = <T>(item: Decoder<T>): Decoder<T | null> => optional<T | null>(item, null)

/** What the last probe of a target came to. */
export interface LastProbe {
  readonly success: boolean
  readonly durationSeconds: number
  /** Why it failed; empty if it did not. */
  readonly failure: string
  /** Seconds by phase, of probers that tell them apart. */
  readonly phases: Readonly<Record<string, number>>
  /** When the first certificate of the chain is over, Unix seconds. */
  readonly certificateExpiry: number | null
}

/** A target that the server looks at from outside. */
export interface ProbeTarget {
  readonly target: string
  readonly module: string
  readonly prober: string
  readonly labels: Labels
  readonly intervalSeconds: number
  readonly timeoutSeconds: number
  /** null until it was probed for the first time. */
  readonly last: LastProbe | null
}

export interface Probes {
  /** Modules that may be asked for over HTTP: those that are configured. */
  readonly modules: readonly string[]
  readonly targets: readonly ProbeTarget[]
}

const lastProbe: Decoder<LastProbe> = (value, path) => {
  const body = fields(value, path)
  return {
    success: flag(body.success, `${path}.success`),
    durationSeconds: number(body.durationSeconds, `${path}.durationSeconds`),
    failure: optional(text, '')(body.failure, `${path}.failure`),
    phases: optional(dictionary(number), {})(body.phases, `${path}.phases`),
    certificateExpiry: maybe(number)(body.certificateExpiry, `${path}.certificateExpiry`),
  }
}

const probeTarget: Decoder<ProbeTarget> = (value, path) => {
  const body = fields(value, path)
  return {
    target: text(body.target, `${path}.target`),
    module: text(body.module, `${path}.module`),
    prober: text(body.prober, `${path}.prober`),
    labels: labelsDecoder(body.labels, `${path}.labels`),
    intervalSeconds: number(body.intervalSeconds, `${path}.intervalSeconds`),
    timeoutSeconds: number(body.timeoutSeconds, `${path}.timeoutSeconds`),
    last: maybe(lastProbe)(body.last, `${path}.last`),
  }
}

export const probesDecoder: Decoder<Probes> = (value, path) => {
  const body = fields(value, path)
  return {
    modules: list(text)(body.modules, `${path}.modules`),
    targets: list(probeTarget)(body.targets, `${path}.targets`),
  }
}

export async function probes(signal?: AbortSignal): Promise<Probes> {
  return (await request('/api/v1/probes', {}, probesDecoder, signal)).data
}

/** Probes a target once, now, and gives what was done as text. Nothing of it is stored. */
export async function tryProbe(target: string, module: string, signal?: AbortSignal): Promise<string> {
  const params = { target, module, debug: 'true' }
  return (await request('/probe', params, text, signal, { plain: true })).data
}

export const beatStates = ['late', 'failed', 'running', 'new', 'ok'] as const
export type BeatState = (typeof beatStates)[number]

/** A job that must report. Times are milliseconds since the epoch. */
export interface Heartbeat {
  readonly name: string
  readonly state: BeatState
  readonly configured: boolean
  readonly description: string
  readonly labels: Labels
  readonly lastStart: number | null
  readonly lastEnd: number | null
  readonly lastSuccess: number | null
  readonly lastFailure: number | null
  readonly lastDurationMs: number | null
  readonly lastExit: number | null
  /** When it is late unless it reports. */
  readonly deadline: number | null
  readonly runs: number
  readonly failures: number
  readonly lates: number
  /** The end of what its last report brought along. */
  readonly said: string
}

export const heartbeatDecoder: Decoder<Heartbeat> = (value, path) => {
  const body = fields(value, path)
  const figure = (name: string) => maybe(number)(body[name], `${path}.${name}`)
  const count = (name: string) => optional(number, 0)(body[name], `${path}.${name}`)
  return {
    name: text(body.name, `${path}.name`),
    state: beatStates.find((state) => state === body.state) ?? 'new',
    configured: flag(body.configured, `${path}.configured`),
    description: optional(text, '')(body.description, `${path}.description`),
    labels: optional(labelsDecoder, {})(body.labels, `${path}.labels`),
    lastStart: figure('lastStartMs'),
    lastEnd: figure('lastEndMs'),
    lastSuccess: figure('lastSuccessMs'),
    lastFailure: figure('lastFailureMs'),
    lastDurationMs: figure('lastDurationMs'),
    lastExit: figure('lastExit'),
    deadline: figure('deadlineMs'),
    runs: count('runs'),
    failures: count('failures'),
    lates: count('lates'),
    said: optional(text, '')(body.said, `${path}.said`),
  }
}

export async function heartbeats(signal?: AbortSignal): Promise<Heartbeat[]> {
  return (await request('/api/v1/heartbeats', {}, list(heartbeatDecoder), signal)).data
}

/** Forgets a job that reported without being configured. */
export async function forgetHeartbeat(name: string): Promise<void> {
  const path = `/api/v1/heartbeats/${encodeURIComponent(name)}`
  await request(path, {}, text, undefined, { method: 'DELETE', plain: true })
}

export const checkStates = ['critical', 'warning', 'unknown', 'pending', 'ok'] as const
export type CheckState = (typeof checkStates)[number]

/** A plugin of Nagios and where it stands. Times are milliseconds since the epoch. */
export interface Check {
  readonly name: string
  readonly labels: Labels
  readonly program: string
  readonly intervalSeconds: number
  /** What it said last. */
  readonly state: CheckState
  /** What is certain. */
  readonly hardState: CheckState
  readonly attempt: number
  readonly attemptsMax: number
  readonly last: number | null
  /** Since when the certain state holds. */
  readonly since: number | null
  readonly durationSeconds: number
  readonly summary: string
  readonly text: string
  /** Why it could not be run or read; empty if it could. */
  readonly trouble: string
  /** How many things it measured. */
  readonly perfdata: number
}

const checkState: Decoder<CheckState> = (value) => checkStates.find((state) => state === value) ?? 'unknown'
const moment: Decoder<number | null> = (value, path) => {
  const at = optional(number, 0)(value, path)
  return at > 0 ? at : null
}

export const checkDecoder: Decoder<Check> = (value, path) => {
  const body = fields(value, path)
  const word = (name: string) => optional(text, '')(body[name], `${path}.${name}`)
  const figure = (name: string) => optional(number, 0)(body[name], `${path}.${name}`)
  return {
    name: text(body.name, `${path}.name`),
    labels: optional(labelsDecoder, {})(body.labels, `${path}.labels`),
    program: word('program'),
    intervalSeconds: figure('intervalSeconds'),
    state: checkState(body.state, `${path}.state`),
    hardState: checkState(body.hardState, `${path}.hardState`),
    attempt: figure('attempt'),
    attemptsMax: figure('attemptsMax'),
    last: moment(body.lastMs, `${path}.lastMs`),
    since: moment(body.sinceMs, `${path}.sinceMs`),
    durationSeconds: figure('durationSeconds'),
    summary: word('summary'),
    text: word('text'),
    trouble: word('trouble'),
    perfdata: figure('perfdata'),
  }
}

export async function checks(signal?: AbortSignal): Promise<Check[]> {
  return (await request('/api/v1/checks', {}, list(checkDecoder), signal)).data
}

/** One of the things that others count on this server for. */
export interface VigilPart {
  readonly name: string
  readonly ok: boolean
  /** It stands still, which a restart may help. */
  readonly stalled: boolean
  readonly reason: string
}

export interface Vigil {
  readonly ok: boolean
  readonly stalled: boolean
  readonly parts: readonly VigilPart[]
}

export const vigilDecoder: Decoder<Vigil> = (value, path) => {
  const body = fields(value, path)
  return {
    ok: flag(body.ok, `${path}.ok`),
    stalled: flag(body.stalled, `${path}.stalled`),
    parts: list((entry, at) => {
      const part = fields(entry, at)
      return {
        name: text(part.name, `${at}.name`),
        ok: flag(part.ok, `${at}.ok`),
        stalled: flag(part.stalled, `${at}.stalled`),
        reason: optional(text, '')(part.reason, `${at}.reason`),
      }
    })(body.parts, `${path}.parts`),
  }
}

export async function vigil(signal?: AbortSignal): Promise<Vigil> {
  return (await request('/api/v1/status/vigil', {}, vigilDecoder, signal)).data
}
