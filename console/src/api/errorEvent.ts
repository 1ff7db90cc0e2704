import { fields, items, list, number, optional, text, type Decoder } from './decode'
import { flag, levelDecoder, moment, words, type IssueLevel } from './errors'
import { request } from './http'

/** A call. */
export interface StackFrame {
  readonly function: string
  readonly module: string
  readonly file: string
  readonly path: string
  readonly line: number
  readonly column: number
  readonly inApp: boolean
  readonly before: readonly string[]
  readonly source: string
  readonly after: readonly string[]
  /** As sent; null where nothing was. */
  readonly vars: unknown
}

/** Something thrown, its calls the outermost first. */
export interface Thrown {
  readonly type: string
  readonly value: string
  readonly module: string
  readonly mechanism: string
  readonly handled: boolean | null
  readonly frames: readonly StackFrame[]
}

export interface ThreadShown {
  readonly id: string
  readonly name: string
  readonly crashed: boolean
  readonly current: boolean
  readonly frames: readonly StackFrame[]
}

export interface Breadcrumb {
  readonly time: number | null
  readonly type: string
  readonly category: string
  readonly level: string
  readonly message: string
  readonly data: unknown
}

export type Pair = readonly [name: string, value: string]

export interface EventRequest {
  readonly method: string
  readonly url: string
  readonly query: string
  readonly headers: readonly Pair[]
  readonly data: unknown
}

export interface EventLinks {
  readonly start: number
  readonly end: number
  readonly service: string
  readonly host: string
  readonly traceId: string
  readonly spanId: string
  readonly logs: string
  readonly metrics: readonly { readonly name: string; readonly query: string }[]
}

/** The ids of the events beside one in its issue; nothing where it is the last on that side. */
export interface Neighbours {
  readonly newest: string | null
  readonly newer: string | null
  readonly older: string | null
  readonly oldest: string | null
}

/** What one failure left behind. */
export interface ErrorEvent {
  readonly id: string
  readonly time: number
  readonly accepted: number
  readonly level: IssueLevel
  readonly origin: string
  readonly title: string
  readonly project: string
  readonly issue: string
  readonly group: string
  readonly rule: string
  readonly platform: string
  readonly logger: string
  readonly transaction: string
  readonly host: string
  readonly service: string
  readonly release: string
  readonly dist: string
  readonly environment: string
  readonly message: string
  readonly template: string
  /** The first cause first, what was caught last. */
  readonly exceptions: readonly Thrown[]
  readonly frames: readonly StackFrame[]
  readonly threads: readonly ThreadShown[]
  readonly breadcrumbs: readonly Breadcrumb[]
  readonly user: readonly Pair[]
  readonly tags: readonly Pair[]
  readonly contexts: readonly { readonly name: string; readonly value: unknown }[]
  readonly extra: unknown
  readonly request: EventRequest | null
  readonly sdk: string
  readonly modules: readonly Pair[]
  readonly fingerprint: readonly string[]
  readonly leftOut: number
  readonly links: EventLinks
  readonly neighbours: Neighbours | null
  /** As the server has it. */
  readonly raw: unknown
}

const texts = optional(list(text), [])
const count = optional(number, 0)

const frame: Decoder<StackFrame> = (value, path) => {
  const body = fields(value, path)
  const of = (name: string) => words(body[name], `${path}.${name}`)
  return {
    function: of('function'),
    module: of('module'),
    file: of('file'),
    path: of('path'),
    line: count(body.line, `${path}.line`),
    column: count(body.column, `${path}.column`),
    inApp: flag(body.in_app, path),
    before: texts(body.before, `${path}.before`),
    source: of('source'),
    after: texts(body.after, `${path}.after`),
    vars: body.vars ?? null,
  }
}

const frames: Decoder<readonly StackFrame[]> = (value, path) =>
  value === undefined || value === null
    ? []
    : optional(list(frame), [])(fields(value, path).frames, `${path}.frames`)

const thrown: Decoder<Thrown> = (value, path) => {
  const body = fields(value, path)
  const mechanism = optional(fields, {})(body.mechanism, `${path}.mechanism`)
  return {
    type: words(body.type, `${path}.type`),
    value: words(body.value, `${path}.value`),
    module: words(body.module, `${path}.module`),
    mechanism: words(mechanism.type, `${path}.mechanism.type`),
    handled: typeof mechanism.handled === 'boolean' ? mechanism.handled : null,
    frames: frames(body.stack, `${path}.stack`),
  }
}

const thread: Decoder<ThreadShown> = (value, path) => {
  const body = fields(value, path)
  return {
    id: words(body.id, `${path}.id`),
    name: words(body.name, `${path}.name`),
    crashed: flag(body.crashed, path),
    current: flag(body.current, path),
    frames: frames(body.stack, `${path}.stack`),
  }
}

const breadcrumb: Decoder<Breadcrumb> = (value, path) => {
  const body = fields(value, path)
  return {
    time: optional<number | null>(moment, null)(body.time, `${path}.time`),
    type: words(body.type, `${path}.type`),
    category: words(body.category, `${path}.category`),
    level: words(body.level, `${path}.level`),
    message: words(body.message, `${path}.message`),
    data: body.data ?? null,
  }
}

const pair: Decoder<Pair> = (value, path) => {
  const [name, of] = items(value, path)
  return [text(name, `${path}[0]`), text(of, `${path}[1]`)]
}

const pairs = optional(list(pair), [])

const requestDecoder: Decoder<EventRequest> = (value, path) => {
  const body = fields(value, path)
  return {
    method: words(body.method, `${path}.method`),
    url: words(body.url, `${path}.url`),
    query: words(body.query, `${path}.query`),
    headers: pairs(body.headers, `${path}.headers`),
    data: body.data ?? null,
  }
}

const linksDecoder: Decoder<EventLinks> = (value, path) => {
  const body = fields(value, path)
  const part = (name: string) => optional(fields, {})(body[name], `${path}.${name}`)
  const [entity, trace, logs] = [part('entity'), part('trace'), part('logs')]
  const metric: Decoder<{ name: string; query: string }> = (each, at) => ({
    name: words(fields(each, at).name, `${at}.name`),
    query: words(fields(each, at).query, `${at}.query`),
  })
  return {
    start: moment(body.start, `${path}.start`),
    end: moment(body.end, `${path}.end`),
    service: words(entity.service, `${path}.entity.service`),
    host: words(entity.host, `${path}.entity.host`),
    traceId: words(trace.traceID, `${path}.trace.traceID`),
    spanId: words(trace.spanID, `${path}.trace.spanID`),
    logs: words(logs.query, `${path}.logs.query`),
    metrics: optional(list(metric), [])(body.metrics, `${path}.metrics`),
  }
}

const neighboursDecoder: Decoder<Neighbours> = (value, path) => {
  const body = fields(value, path)
  const of = (name: string) => optional<string | null>(text, null)(body[name], `${path}.${name}`)
  return { newest: of('newest'), newer: of('newer'), older: of('older'), oldest: of('oldest') }
}

export const eventDecoder: Decoder<ErrorEvent> = (value, path) => {
  const body = fields(value, path)
  const of = (name: string) => words(body[name], `${path}.${name}`)
  const sdk = optional(fields, {})(body.sdk, `${path}.sdk`)
  const user = optional(fields, {})(body.user, `${path}.user`)
  return {
    id: text(body.id, `${path}.id`),
    time: moment(body.time, `${path}.time`),
    accepted: moment(body.accepted, `${path}.accepted`),
    level: levelDecoder(body.level, `${path}.level`),
    origin: of('origin'),
    title: of('title'),
    project: of('project'),
    issue: of('issue'),
    group: of('group'),
    rule: of('rule'),
    platform: of('platform'),
    logger: of('logger'),
    transaction: of('transaction'),
    host: of('server_name'),
    service: of('service'),
    release: of('release'),
    dist: of('dist'),
    environment: of('environment'),
    message: of('message'),
    template: of('template'),
    exceptions: optional(list(thrown), [])(body.exceptions, `${path}.exceptions`),
    frames: frames(body.stack, `${path}.stack`),
    threads: optional(list(thread), [])(body.threads, `${path}.threads`),
    breadcrumbs: optional(list(breadcrumb), [])(body.breadcrumbs, `${path}.breadcrumbs`),
    user: Object.entries(user).flatMap(([name, each]): Pair[] =>
      typeof each === 'string' ? [[name, each]] : [],
    ),
    tags: pairs(body.tags, `${path}.tags`),
    contexts: optional(
      list((each, at) => {
        const context = fields(each, at)
        return { name: text(context.name, `${at}.name`), value: context.value ?? null }
      }),
      [],
    )(body.contexts, `${path}.contexts`),
    extra: body.extra ?? null,
    request: optional<EventRequest | null>(requestDecoder, null)(body.request, `${path}.request`),
    sdk: [words(sdk.name, `${path}.sdk.name`), words(sdk.version, `${path}.sdk.version`)].join(' ').trim(),
    modules: pairs(body.modules, `${path}.modules`),
    fingerprint: texts(body.fingerprint, `${path}.fingerprint`),
    leftOut: count(body.left_out, `${path}.left_out`),
    links: linksDecoder(body.links, `${path}.links`),
    neighbours: optional<Neighbours | null>(neighboursDecoder, null)(body.neighbours, `${path}.neighbours`),
    raw: value,
  }
}

/** One event whole, with its neighbours in its issue. */
export async function errorEvent(id: string, issue: string, signal?: AbortSignal): Promise<ErrorEvent> {
  const path = `/api/v1/errors/events/${encodeURIComponent(id)}`
  return (await request(path, { issue }, eventDecoder, signal)).data
}

export interface Attachment {
  readonly number: number
  readonly file: string
  readonly contentType: string
}

/** Files are looked for about the time of their event. */
const filesPath = (id: string) => `/api/v1/errors/events/${encodeURIComponent(id)}/attachments`

export async function attachmentsOf(
  { id, time }: { readonly id: string; readonly time: number },
  signal?: AbortSignal,
): Promise<Attachment[]> {
  const decode: Decoder<Attachment> = (value, path) => {
    const body = fields(value, path)
    return {
      number: number(body.number, `${path}.number`),
      file: words(body.file, `${path}.file`),
      contentType: words(body.contentType, `${path}.contentType`),
    }
  }
  return (await request(filesPath(id), { time: time / 1000 }, list(decode), signal)).data
}

export const attachmentAddress = (event: ErrorEvent, attachment: Attachment): string =>
  `${filesPath(event.id)}/${attachment.number}?time=${event.time / 1000}`
