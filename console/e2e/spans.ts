/** Traces with known numbers, made from a seed and sent as OTLP/JSON. */

type Value = string | number | boolean
type Attributes = Readonly<Record<string, Value>>

export interface MadeSpan {
  readonly traceId: string
  readonly spanId: string
  readonly parentId?: string
  readonly service: string
  readonly name: string
  readonly kind: 'internal' | 'server' | 'client' | 'producer' | 'consumer'
  /** Nanoseconds since the epoch. */
  readonly start: bigint
  readonly duration: bigint
  readonly attributes?: Attributes
  readonly error?: string
  readonly events?: readonly {
    readonly at: bigint
    readonly name: string
    readonly attributes?: Attributes
  }[]
  readonly links?: readonly { readonly traceId: string; readonly spanId: string }[]
}

/** Numbers from 0 to 1, the same for the same seed. */
export function random(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

const hex = (next: () => number, digits: number): string =>
  Array.from({ length: digits }, () => Math.floor(next() * 16).toString(16)).join('')

export const traceIdOf = (seed: number): string => hex(random(seed), 32)

const kinds = { internal: 1, server: 2, client: 3, producer: 4, consumer: 5 } as const
const msNs = 1_000_000n

const written = (attributes: Attributes) =>
  Object.entries(attributes).map(([key, value]) => ({
    key,
    value:
      typeof value === 'string'
        ? { stringValue: value }
        : typeof value === 'boolean'
          ? { boolValue: value }
          : Number.isInteger(value)
            ? { intValue: String(value) }
            : { doubleValue: value },
  }))

function spanJson(span: MadeSpan) {
  return {
    traceId: span.traceId,
    spanId: span.spanId,
    ...(span.parentId === undefined ? {} : { parentSpanId: span.parentId }),
    name: span.name,
    kind: kinds[span.kind],
    startTimeUnixNano: span.start.toString(),
    endTimeUnixNano: (span.start + span.duration).toString(),
    attributes: written(span.attributes ?? {}),
    events: (span.events ?? []).map((event) => ({
      timeUnixNano: event.at.toString(),
      name: event.name,
      attributes: written(event.attributes ?? {}),
    })),
    links: span.links ?? [],
    ...(span.error === undefined ? {} : { status: { code: 2, message: span.error } }),
  }
}

const spansPerRequest = 5000

/** Sends spans; each service is a resource of its own. */
export async function pushSpans(url: string, spans: readonly MadeSpan[]): Promise<void> {
  for (let at = 0; at < spans.length; at += spansPerRequest) {
    const byService = grouped(spans.slice(at, at + spansPerRequest))
    const resourceSpans = [...byService].map(([service, of]) => ({
      resource: {
        attributes: written({
          'service.name': service,
          'service.namespace': service === 'mailer' ? 'office' : 'shop',
          'service.version': '1.4.2',
          'host.name': `${service}-1`,
        }),
      },
      scopeSpans: [{ scope: { name: 'e2e', version: '1' }, spans: of.map(spanJson) }],
    }))
    const response = await fetch(`${url}/v1/traces`, {
      method: 'POST',
      body: JSON.stringify({ resourceSpans }),
      headers: { 'content-type': 'application/json' },
    })
    if (!response.ok) throw new Error(`spans were refused: ${response.status} ${await response.text()}`)
  }
}

function grouped(spans: readonly MadeSpan[]): Map<string, MadeSpan[]> {
  const out = new Map<string, MadeSpan[]>()
  for (const span of spans) {
    const known = out.get(span.service)
    if (known === undefined) out.set(span.service, [span])
    else known.push(span)
  }
  return out
}

interface Child {
  readonly service: string
  readonly name: string
  readonly kind: MadeSpan['kind']
  /** Milliseconds after the parent's start, and how long. */
  readonly at: number
  readonly takes: number
  readonly attributes?: Attributes
  readonly error?: string
  readonly events?: readonly {
    readonly at: number
    readonly name: string
    readonly attributes?: Attributes
  }[]
}

/** A trace that is written span by span. */
class Writer {
  readonly spans: MadeSpan[] = []
  constructor(
    readonly traceId: string,
    private readonly next: () => number,
    private readonly origin: bigint,
  ) {}

  /** Adds a span at so many milliseconds after the beginning of the trace; gives its id. */
  add(parentId: string | undefined, child: Child): string {
    const spanId = hex(this.next, 16)
    const start = this.origin + BigInt(Math.round(child.at * 1e6))
    this.spans.push({
      traceId: this.traceId,
      spanId,
      ...(parentId === undefined ? {} : { parentId }),
      service: child.service,
      name: child.name,
      kind: child.kind,
      start,
      duration: BigInt(Math.round(child.takes * 1e6)),
      ...(child.attributes === undefined ? {} : { attributes: child.attributes }),
      ...(child.error === undefined ? {} : { error: child.error }),
      events: (child.events ?? []).map((event) => ({ ...event, at: start + BigInt(event.at) * msNs })),
    })
    return spanId
  }
}

export interface Visit {
  readonly slow: boolean
  readonly failed: boolean
}

/**
 * Somebody buys something: a front, a checkout with its database, a payment that may be slow (always in the region
 * `eu-south`) or fail (always with the card `amex`), and a message that is mailed later.
 */
export function visit(seed: number, atMs: number, { slow, failed }: Visit): MadeSpan[] {
  const next = random(seed)
  const trace = new Writer(hex(next, 32), next, BigInt(Math.round(atMs)) * msNs)
  const jitter = (ms: number) => ms * (0.8 + next() * 0.4)
  const pay = jitter(slow ? 900 : 40)
  const total = 60 + pay
  const region = slow ? 'eu-south' : next() < 0.5 ? 'eu-west' : 'us-east'
  const card = failed ? 'amex' : next() < 0.5 ? 'visa' : 'mastercard'
  const status = failed ? 502 : 200
  const front = trace.add(undefined, {
    service: 'front',
    name: 'POST /buy',
    kind: 'server',
    at: 0,
    takes: total + 20,
    attributes: {
      'http.request.method': 'POST',
      'http.route': '/buy',
      'http.response.status_code': status,
      region,
    },
    ...(failed ? { error: 'checkout failed' } : {}),
  })
  const call = trace.add(front, {
    service: 'front',
    name: 'call checkout',
    kind: 'client',
    at: 4,
    takes: total + 10,
    attributes: { 'server.address': 'checkout' },
    ...(failed ? { error: '502' } : {}),
  })
  const checkout = trace.add(call, {
    service: 'checkout',
    name: 'Checkout/Buy',
    kind: 'server',
    at: 6,
    takes: total + 5,
    attributes: { 'rpc.system': 'grpc', region },
    ...(failed ? { error: 'payment refused' } : {}),
  })
  for (let i = 0; i < 3; i++) {
    trace.add(checkout, {
      service: 'checkout',
      name: 'SELECT stock',
      kind: 'client',
      at: 8 + i * 5,
      takes: jitter(4),
      attributes: {
        'db.system': 'postgresql',
        'db.name': 'stock',
        'db.statement': 'SELECT n FROM stock WHERE id = $1',
      },
    })
  }
  const charge = trace.add(checkout, {
    service: 'checkout',
    name: 'call payment',
    kind: 'client',
    at: 26,
    takes: pay + 6,
    attributes: { 'server.address': 'payment' },
    ...(failed ? { error: 'refused' } : {}),
  })
  trace.add(charge, {
    service: 'payment',
    name: 'Payment/Charge',
    kind: 'server',
    at: 28,
    takes: pay,
    attributes: { region, 'card.brand': card, amount: Math.round(next() * 10_000) / 100 },
    ...(failed
      ? {
          error: 'card refused',
          events: [
            {
              at: 12,
              name: 'exception',
              attributes: {
                'exception.type': 'CardRefused',
                'exception.message': 'the issuer said no',
                'exception.stacktrace':
                  'CardRefused: the issuer said no\n    at charge (payment.js:42:7)\n    at async serve (server.js:9:3)',
              },
            },
          ],
        }
      : {}),
  })
  const sent = trace.add(checkout, {
    service: 'checkout',
    name: 'orders publish',
    kind: 'producer',
    at: 36 + pay,
    takes: 3,
    attributes: { 'messaging.system': 'kafka', 'messaging.destination.name': 'orders' },
  })
  trace.add(sent, {
    service: 'mailer',
    name: 'orders process',
    kind: 'consumer',
    at: 44 + pay,
    takes: jitter(60),
    attributes: { 'messaging.system': 'kafka' },
  })
  return trace.spans
}

/** A trace of so many spans: jobs that work in steps, in six services, some of them failing. */
export function large(seed: number, atMs: number, count: number): MadeSpan[] {
  const next = random(seed + 1_000_003)
  const trace = new Writer(hex(next, 32), next, BigInt(Math.round(atMs)) * msNs)
  const services = ['planner', 'worker', 'cache', 'index', 'store', 'audit']
  const root = trace.add(undefined, {
    service: 'planner',
    name: 'nightly build',
    kind: 'server',
    at: 0,
    takes: count,
  })
  const open: { readonly id: string; readonly at: number; readonly takes: number; depth: number }[] = [
    { id: root, at: 0, takes: count, depth: 0 },
  ]
  for (let i = 1; i < count; i++) {
    const parent = open[Math.floor(next() * open.length)] ?? open[0]
    if (parent === undefined) break
    const takes = Math.max(parent.takes * next() * 0.6, 0.01)
    const at = parent.at + (parent.takes - takes) * next()
    const service = services[Math.floor(next() * services.length)] ?? 'worker'
    const id = trace.add(parent.id, {
      service,
      name: `${service} step ${i % 40}`,
      kind: 'internal',
      at,
      takes,
      attributes: { item: i, shard: i % 16 },
      ...(i % 997 === 0 ? { error: 'lost the shard' } : {}),
    })
    if (parent.depth < 12) open.push({ id, at, takes, depth: parent.depth + 1 })
    if (open.length > 400) open.splice(1 + Math.floor(next() * 300), 1)
  }
  return trace.spans
}

/** What belongs to no whole trace: an orphan, a clock ahead, a repeated span, a link to another trace. */
export function odd(seed: number, atMs: number, linked: string): MadeSpan[] {
  const next = random(seed + 2_000_003)
  const trace = new Writer(hex(next, 32), next, BigInt(Math.round(atMs)) * msNs)
  const root = trace.add(undefined, { service: 'front', name: 'GET /odd', kind: 'server', at: 0, takes: 100 })
  const call = trace.add(root, { service: 'front', name: 'call odd', kind: 'client', at: 10, takes: 50 })
  trace.add(call, { service: 'odd', name: 'behind the clock', kind: 'server', at: 5, takes: 20 })
  trace.add('00000000000000ff', { service: 'odd', name: 'of no parent', kind: 'internal', at: 60, takes: 5 })
  const [first] = trace.spans
  if (first === undefined) return []
  const links = [{ traceId: linked, spanId: '00000000000000aa' }]
  return [{ ...first, links }, ...trace.spans.slice(1), { ...first, links }]
}

/** A day in the shop: visits spread over the time, every tenth slow, every eighth failing. */
export function shop(seed: number, fromMs: number, toMs: number, visits: number): MadeSpan[] {
  return Array.from({ length: visits }, (_, i) =>
    visit(seed + i, fromMs + ((toMs - fromMs) * (i + 0.5)) / visits, {
      slow: i % 10 === 3,
      failed: i % 8 === 5,
    }),
  ).flat()
}

/** Calls among many services, in layers, so that each has somebody to call. */
export function fleet(seed: number, atMs: number, services: number): MadeSpan[] {
  const next = random(seed + 3_000_017)
  const layers = Math.max(2, Math.round(Math.sqrt(services) / 2))
  const name = (i: number) =>
    `${['edge', 'core', 'data', 'jobs'][i % 4] ?? 'x'}-${String(i).padStart(3, '0')}`
  const spans: MadeSpan[] = []
  const perLayer = Math.ceil(services / layers)
  for (let i = perLayer; i < services; i++) {
    const callers = 1 + Math.floor(next() * 2)
    for (let c = 0; c < callers; c++) {
      const layer = Math.floor(i / perLayer)
      const caller = (layer - 1) * perLayer + Math.floor(next() * perLayer)
      const trace = new Writer(hex(next, 32), next, BigInt(Math.round(atMs)) * msNs)
      const failed = next() < 0.1
      const takes = 5 + next() * 200
      const call = trace.add(undefined, {
        service: name(caller),
        name: 'call',
        kind: 'client',
        at: 0,
        takes: takes + 2,
        ...(failed ? { error: 'failed' } : {}),
      })
      trace.add(call, {
        service: name(i),
        name: 'serve',
        kind: 'server',
        at: 1,
        takes,
        ...(failed ? { error: 'failed' } : {}),
      })
      spans.push(...trace.spans)
    }
  }
  return spans
}
