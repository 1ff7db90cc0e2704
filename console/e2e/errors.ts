/** Errors as SDKs of Sentry, OpenTelemetry and loggers send them. */

type Json = Readonly<Record<string, unknown>>

export interface MadeError {
  readonly id: string
  readonly type: string
  readonly value: string
  /** The function that fails; with the type it decides which issue the event belongs to. */
  readonly function: string
  /** Milliseconds since the epoch. */
  readonly at: number
  readonly project?: number
  /** What it was caused by. */
  readonly cause?: Json
  readonly more?: Json
}

/** The id of an event: the same number, the same id. */
export const idOf = (n: number): string => n.toString(16).padStart(32, '0')

/** What was thrown first, where a price is missing. */
export const missingPrice: Json = {
  type: 'KeyError',
  value: "'price'",
  stacktrace: {
    frames: [{ function: 'price_of', filename: 'shop/prices.py', lineno: 7, in_app: true }],
  },
}

/** An event as sentry-sdk for Python writes it. */
export function pythonEvent(made: MadeError): Json {
  return {
    event_id: made.id,
    timestamp: made.at / 1000,
    platform: 'python',
    level: 'error',
    release: 'shop@1.4.0',
    environment: 'production',
    exception: {
      values: [
        ...(made.cause === undefined ? [] : [made.cause]),
        {
          type: made.type,
          value: made.value,
          mechanism: { type: 'logging', handled: true },
          stacktrace: {
            frames: [
              { function: 'run', filename: 'flask/app.py', lineno: 1478, in_app: false },
              { function: 'dispatch', filename: 'flask/views.py', lineno: 84, in_app: false },
              {
                function: made.function,
                filename: 'shop/cart.py',
                abs_path: '/srv/shop/cart.py',
                lineno: 42,
                in_app: true,
                pre_context: ['def total(cart, count):', '    # every line has a price'],
                context_line: '    return cart.sum / count',
                post_context: ['', 'def empty(cart):'],
                vars: { count: '0', cart: { sum: '19.9', owner: "'ann'" } },
              },
            ],
          },
        },
      ],
    },
    sdk: { name: 'sentry.python', version: '2.19.0' },
    ...made.more,
  }
}

/** Everything an event can have, as a real application sends it. */
export function fullEvent(made: MadeError, traceId: string, spanId: string): Json {
  const plain = pythonEvent(made)
  const { values } = plain.exception as { values: Json[] }
  return {
    ...plain,
    server_name: 'web-1',
    transaction: '/checkout',
    logger: 'shop.cart',
    exception: {
      values: values.map((each) =>
        each.type === made.type ? { ...each, mechanism: { type: 'wsgi', handled: false } } : each,
      ),
    },
    tags: { shard: 's1', customer: 'gold', service: 'shop' },
    user: { id: '42', email: 'ann@example.org' },
    request: {
      method: 'POST',
      url: 'https://shop.example.org/checkout',
      query_string: 'step=2',
      headers: [['User-Agent', 'curl/8']],
      data: { items: 3 },
    },
    contexts: {
      trace: { trace_id: traceId, span_id: spanId },
      runtime: { name: 'CPython', version: '3.12.1' },
    },
    extra: { retries: 2 },
    breadcrumbs: {
      values: [
        { timestamp: made.at / 1000 - 3, category: 'auth', message: 'ann signed in', level: 'info' },
        {
          timestamp: made.at / 1000 - 1,
          type: 'http',
          category: 'httplib',
          level: 'warning',
          data: { url: 'http://prices/7', status_code: 503 },
        },
      ],
    },
    modules: { flask: '3.1.0', requests: '2.32.3' },
  }
}

type Item = readonly [type: string, payload: unknown, head?: Json]

/** An envelope, as all newer SDKs send it. */
export async function sendEnvelope(url: string, items: readonly Item[], project = 1): Promise<void> {
  const lines = items.flatMap(([type, payload, head = {}]) => {
    const text = typeof payload === 'string' ? payload : JSON.stringify(payload)
    return [JSON.stringify({ type, length: Buffer.byteLength(text), ...head }), text]
  })
  const answer = await fetch(`${url}/api/${project}/envelope/`, {
    method: 'POST',
    headers: { 'x-sentry-auth': 'Sentry sentry_version=7, sentry_client=e2e/1, sentry_key=abc' },
    body: `${['{}', ...lines].join('\n')}\n`,
  })
  if (!answer.ok) throw new Error(`the envelope was refused: ${answer.status} ${await answer.text()}`)
}

export async function sendErrors(url: string, errors: readonly MadeError[]): Promise<void> {
  for (const made of errors) await sendEnvelope(url, [['event', pythonEvent(made)]], made.project)
}

/** A session that ended well, or crashed. */
export const session = (n: number, release: string, crashed: boolean, at: number): Item => [
  'session',
  {
    sid: idOf(n),
    init: true,
    started: at / 1000,
    timestamp: at / 1000 + 1,
    status: crashed ? 'crashed' : 'exited',
    did: `u${n}`,
    attrs: { release, environment: 'production' },
  },
]

/** A log record of OpenTelemetry with an exception, as its logging bridges write it. */
export async function sendLogException(url: string, service: string, at: number): Promise<void> {
  const value = (stringValue: string) => ({ stringValue })
  const record = {
    timeUnixNano: `${at}000000`,
    severityNumber: 17,
    body: value('cannot charge'),
    attributes: [
      { key: 'exception.type', value: value('java.lang.IllegalStateException') },
      { key: 'exception.message', value: value('card expired') },
      {
        key: 'exception.stacktrace',
        value: value(
          'java.lang.IllegalStateException: card expired\n\tat org.shop.pay.Charge.run(Charge.java:31)\n\tat java.base/java.lang.Thread.run(Thread.java:1583)',
        ),
      },
    ],
  }
  const resource = { attributes: [{ key: 'service.name', value: value(service) }] }
  const answer = await fetch(`${url}/v1/logs`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ resourceLogs: [{ resource, scopeLogs: [{ logRecords: [record] }] }] }),
  })
  if (!answer.ok) throw new Error(`the record was refused: ${answer.status} ${await answer.text()}`)
}
