import {
  flagDecoder,
  groupLabelsDecoder,
  matcherDecoder,
  momentDecoder,
  textsDecoder,
  type Matcher,
} from './alerting'
import { fields, list, number, optional, text, type Decoder } from './decode'
import { request } from './http'
import type { Labels } from './types'

/** A node of the tree of routes with everything it has from those above it. */
export interface RouteNode {
  readonly id: number
  readonly below: readonly number[]
  readonly receiver: string
  readonly matchers: readonly Matcher[]
  readonly goesOn: boolean
  /** null for all labels. */
  readonly groupBy: readonly string[] | null
  readonly groupWaitSeconds: number
  readonly groupIntervalSeconds: number
  readonly repeatIntervalSeconds: number
  readonly muteTimes: readonly string[]
  readonly activeTimes: readonly string[]
  /** Times because of which nobody is told right now. */
  readonly mutedBy: readonly string[]
  readonly groups: number
  readonly alerts: number
}

export interface ReceiverWay {
  readonly kind: string
  readonly index: number
  readonly sendResolved: boolean
}

export interface ReceiverInfo {
  readonly name: string
  readonly ways: readonly ReceiverWay[]
}

export interface RoutingTree {
  /** null without a file: alerts are grouped and nobody is told. */
  readonly configFile: string | null
  /** Each before those below it; the first is the root. */
  readonly routes: readonly RouteNode[]
  readonly receivers: readonly ReceiverInfo[]
  readonly inhibitRules: number
}

const bare = { bare: true } as const
/** Seconds, which this API writes as text. */
const seconds: Decoder<number> = (value, path) =>
  typeof value === 'number' ? value : Number(text(value, path))

const routeNode: Decoder<RouteNode> = (value, path) => {
  const body = fields(value, path)
  const names = (name: string) => optional(textsDecoder, [])(body[name], `${path}.${name}`)
  const span = (name: string) => seconds(body[name], `${path}.${name}`)
  return {
    id: number(body.id, `${path}.id`),
    below: list(number)(body.below, `${path}.below`),
    receiver: text(body.receiver, `${path}.receiver`),
    matchers: list(matcherDecoder)(body.matchers, `${path}.matchers`),
    goesOn: flagDecoder(body.continue, path),
    groupBy: optional<readonly string[] | null>(textsDecoder, null)(body.groupBy, `${path}.groupBy`),
    groupWaitSeconds: span('groupWait'),
    groupIntervalSeconds: span('groupInterval'),
    repeatIntervalSeconds: span('repeatInterval'),
    muteTimes: names('muteTimeIntervals'),
    activeTimes: names('activeTimeIntervals'),
    mutedBy: names('mutedBy'),
    groups: optional(number, 0)(body.groups, `${path}.groups`),
    alerts: optional(number, 0)(body.alerts, `${path}.alerts`),
  }
}

const receiver: Decoder<ReceiverInfo> = (value, path) => {
  const body = fields(value, path)
  const way: Decoder<ReceiverWay> = (entry, at) => {
    const held = fields(entry, at)
    return {
      kind: text(held.kind, `${at}.kind`),
      index: number(held.index, `${at}.index`),
      sendResolved: flagDecoder(held.sendResolved, at),
    }
  }
  return { name: text(body.name, `${path}.name`), ways: list(way)(body.ways, `${path}.ways`) }
}

export async function routingTree(signal?: AbortSignal): Promise<RoutingTree> {
  const decode: Decoder<RoutingTree> = (value, path) => {
    const body = fields(value, path)
    return {
      configFile: optional<string | null>(text, null)(body.configFile, `${path}.configFile`),
      routes: list(routeNode)(body.routes, `${path}.routes`),
      receivers: list(receiver)(body.receivers, `${path}.receivers`),
      inhibitRules: optional(number, 0)(body.inhibitRules, `${path}.inhibitRules`),
    }
  }
  return (await request('/api/v1/alerting/routes', {}, decode, signal, bare)).data
}

/** A node at which an alert ends up. */
export interface RouteHit {
  readonly id: number
  readonly receiver: string
  readonly groupLabels: Labels
  readonly groupWaitSeconds: number
  readonly groupIntervalSeconds: number
  readonly repeatIntervalSeconds: number
}

export interface RouteTest {
  readonly routes: readonly RouteHit[]
  readonly silencedBy: readonly string[]
  readonly inhibitedBy: readonly string[]
}

/** Who would be told of an alert with these labels. */
export async function testRoute(labels: Labels, signal?: AbortSignal): Promise<RouteTest> {
  const hit: Decoder<RouteHit> = (value, path) => {
    const body = fields(value, path)
    return {
      id: number(body.id, `${path}.id`),
      receiver: text(body.receiver, `${path}.receiver`),
      groupLabels: groupLabelsDecoder(body.groupLabels, `${path}.groupLabels`),
      groupWaitSeconds: seconds(body.groupWait, `${path}.groupWait`),
      groupIntervalSeconds: seconds(body.groupInterval, `${path}.groupInterval`),
      repeatIntervalSeconds: seconds(body.repeatInterval, `${path}.repeatInterval`),
    }
  }
  const decode: Decoder<RouteTest> = (value, path) => {
    const body = fields(value, path)
    return {
      routes: list(hit)(body.routes, `${path}.routes`),
      silencedBy: textsDecoder(body.silencedBy, `${path}.silencedBy`),
      inhibitedBy: textsDecoder(body.inhibitedBy, `${path}.inhibitedBy`),
    }
  }
  const options = { ...bare, json: { labels } }
  return (await request('/api/v1/alerting/route', {}, decode, signal, options)).data
}

export interface TestSent {
  readonly kind: string
  readonly index: number
  readonly delivered: boolean
  readonly error: string
  readonly seconds: number
}

/** Sends a message that says it is a test through all ways of a receiver, or through one. */
export async function sendTest(name: string, way: ReceiverWay | null): Promise<TestSent[]> {
  const sent: Decoder<TestSent> = (value, path) => {
    const body = fields(value, path)
    return {
      kind: text(body.kind, `${path}.kind`),
      index: number(body.index, `${path}.index`),
      delivered: flagDecoder(body.delivered, path),
      error: optional(text, '')(body.error, `${path}.error`),
      seconds: optional(number, 0)(body.seconds, `${path}.seconds`),
    }
  }
  const decode: Decoder<TestSent[]> = (value, path) =>
    list(sent)(fields(value, path).results, `${path}.results`)
  const json = { receiver: name, ...(way === null ? {} : { kind: way.kind, index: way.index }) }
  return (await request('/api/v1/alerting/test', {}, decode, undefined, { ...bare, json })).data
}

export type Outcome = 'open' | 'delivered' | 'failed' | 'unknown'

/** A decision to notify: what was to be told to whom, and what became of it. */
export interface Delivery {
  readonly id: number
  readonly receiver: string
  readonly kind: string
  readonly index: number
  readonly groupKey: string
  readonly groupLabels: Labels
  readonly reason: string
  readonly alerts: number
  readonly firing: number
  readonly decidedAt: number
  readonly doneAt: number | null
  /** When it is given up, of one that is open. */
  readonly givenUpAt: number | null
  readonly attempts: number
  readonly outcome: Outcome
  readonly error: string
}

export interface DeliveryJournal {
  /** Open ones first, then those that are done, the newest first. */
  readonly deliveries: readonly Delivery[]
  readonly open: number
  /** When the server started: it remembers nothing of before. */
  readonly since: number
  /** How many done ones it remembers no more. */
  readonly forgotten: number
}

const outcomes: readonly Outcome[] = ['delivered', 'failed', 'unknown']
const maybe = optional<number | null>(momentDecoder, null)

const delivery: Decoder<Delivery> = (value, path) => {
  const body = fields(value, path)
  return {
    id: number(body.id, `${path}.id`),
    receiver: text(body.receiver, `${path}.receiver`),
    kind: text(body.kind, `${path}.kind`),
    index: number(body.index, `${path}.index`),
    groupKey: text(body.groupKey, `${path}.groupKey`),
    groupLabels: optional(groupLabelsDecoder, {})(body.groupLabels, `${path}.groupLabels`),
    reason: text(body.reason, `${path}.reason`),
    alerts: number(body.alerts, `${path}.alerts`),
    firing: optional(number, 0)(body.firing, `${path}.firing`),
    decidedAt: momentDecoder(body.decidedAt, `${path}.decidedAt`),
    doneAt: maybe(body.doneAt, `${path}.doneAt`),
    givenUpAt: maybe(body.givenUpAt, `${path}.givenUpAt`),
    attempts: optional(number, 0)(body.attempts, `${path}.attempts`),
    outcome: outcomes.find((known) => known === body.outcome) ?? 'open',
    error: optional(text, '')(body.error, `${path}.error`),
  }
}

const deliveriesMax = 1000

export async function deliveryJournal(signal?: AbortSignal): Promise<DeliveryJournal> {
  const decodeDone: Decoder<Omit<DeliveryJournal, 'open'>> = (value, path) => {
    const body = fields(value, path)
    return {
      since: momentDecoder(body.since, `${path}.since`),
      forgotten: number(body.forgotten, `${path}.forgotten`),
      deliveries: list(delivery)(body.deliveries, `${path}.deliveries`),
    }
  }
  const donePath = '/api/v1/alerting/deliveries/done'
  const [open, done] = await Promise.all([
    request('/api/v1/alerting/deliveries', {}, list(delivery), signal, bare),
    request(donePath, { limit: deliveriesMax }, decodeDone, signal, bare),
  ])
  // What was finished between the two answers is in both.
  const known = new Set(done.data.deliveries.map(({ id }) => id))
  const waiting = open.data.filter(({ id }) => !known.has(id))
  return { ...done.data, open: waiting.length, deliveries: [...waiting, ...done.data.deliveries] }
}
