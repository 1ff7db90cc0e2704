import { pushLines } from './server'

/** A shop of three services on two hosts, in all five signals, as OpenTelemetry's SDKs send it. */

type Attributes = Readonly<Record<string, string | number>>

const written = (attributes: Attributes) =>
  Object.entries(attributes).map(([key, value]) => ({
    key,
    value: typeof value === 'string' ? { stringValue: value } : { intValue: String(value) },
  }))

async function post(url: string, path: string, body: unknown): Promise<void> {
  const response = await fetch(url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  if (!response.ok) throw new Error(`${path} was refused: ${response.status} ${await response.text()}`)
}

const ns = (ms: number): string => (BigInt(Math.round(ms * 1000)) * 1000n).toString()
const hex = (n: number, digits: number): string => n.toString(16).padStart(digits, '0')

export const resources: Readonly<Record<'front' | 'cart' | 'payment', Attributes>> = {
  front: {
    'service.name': 'front',
    'service.version': '3.1.0',
    'service.instance.id': 'front-1',
    'host.name': 'web1',
    'deployment.environment.name': 'production',
  },
  cart: {
    'service.name': 'cart',
    'service.version': '1.4.2',
    'service.instance.id': 'cart-1',
    'host.name': 'web1',
    'deployment.environment.name': 'production',
  },
  payment: {
    'service.name': 'payment',
    'service.version': '2.0.0',
    'host.name': 'web2',
    'k8s.pod.name': 'payment-7d9f',
    'k8s.namespace.name': 'shop',
    'deployment.environment.name': 'production',
  },
}

interface Part {
  readonly service: keyof typeof resources
  readonly id: string
  readonly parent?: string
  readonly name: string
  readonly kind: number
  readonly at: number
  readonly takes: number
  readonly failed?: boolean
}

export const shopTrace = (n: number): string => hex(n + 0x5ce0, 32)

/** One visit: the front calls the cart, which calls payment; every fifth fails there. */
function visit(n: number, at: number): readonly Part[] {
  const failed = n % 5 === 4
  const id = (place: number) => hex(n * 16 + place + 1, 16)
  return [
    { service: 'front', id: id(0), name: 'GET /', kind: 2, at, takes: 90 + (n % 7) * 20, failed },
    { service: 'front', id: id(1), parent: id(0), name: 'call cart', kind: 3, at: at + 2, takes: 80, failed },
    { service: 'cart', id: id(2), parent: id(1), name: 'POST /cart', kind: 2, at: at + 4, takes: 70, failed },
    { service: 'cart', id: id(3), parent: id(2), name: 'pay', kind: 3, at: at + 8, takes: 50, failed },
    { service: 'payment', id: id(4), parent: id(3), name: 'Charge', kind: 2, at: at + 10, takes: 40, failed },
  ]
}

function spanOf(trace: string, part: Part) {
  return {
    traceId: trace,
    spanId: part.id,
    ...(part.parent === undefined ? {} : { parentSpanId: part.parent }),
    name: part.name,
    kind: part.kind,
    startTimeUnixNano: ns(part.at),
    endTimeUnixNano: ns(part.at + part.takes),
    ...(part.failed === true ? { status: { code: 2, message: 'card refused' } } : {}),
    events:
      part.failed === true && part.service === 'payment'
        ? [
            {
              timeUnixNano: ns(part.at + 5),
              name: 'exception',
              attributes: written({
                'exception.type': 'CardRefused',
                'exception.message': 'the issuer said no',
                'exception.stacktrace':
                  'CardRefused: the issuer said no\n    at charge (/app/payment.js:42:7)\n    at serve (/app/server.js:9:3)',
              }),
            },
          ]
        : [],
  }
}

/** Visits spread over a time, with their spans, and lines that carry the ids of their traces. */
export async function pushShop(url: string, from: number, to: number, visits: number): Promise<void> {
  const all = Array.from({ length: visits }, (_, n) => ({
    trace: shopTrace(n),
    parts: visit(n, from + ((to - from) * (n + 0.5)) / visits),
  }))
  const services = Object.keys(resources) as (keyof typeof resources)[]
  await post(url, '/v1/traces', {
    resourceSpans: services.map((service) => ({
      resource: { attributes: written(resources[service]) },
      scopeSpans: [
        {
          scope: { name: 'shop' },
          spans: all.flatMap(({ trace, parts }) =>
            parts.filter((part) => part.service === service).map((part) => spanOf(trace, part)),
          ),
        },
      ],
    })),
  })
  await post(url, '/v1/logs', {
    resourceLogs: services.map((service) => ({
      resource: { attributes: written(resources[service]) },
      scopeLogs: [
        {
          logRecords: all.flatMap(({ trace, parts }) =>
            parts
              .filter((part) => part.service === service && part.kind === 2)
              .map((part) => ({
                timeUnixNano: ns(part.at + 1),
                severityNumber: part.failed === true ? 17 : 9,
                severityText: part.failed === true ? 'ERROR' : 'INFO',
                body: {
                  stringValue:
                    part.failed === true
                      ? `${part.name} failed: card refused`
                      : `${part.name} took ${part.takes} ms`,
                },
                traceId: trace,
                spanId: part.id,
              })),
          ),
        },
      ],
    })),
  })
}

/** A gauge with the attributes of the resource as labels, sampled over a time. */
export async function pushPool(url: string, from: number, to: number): Promise<void> {
  const rows: string[] = []
  for (let at = from; at <= to; at += 15_000) {
    const value = 20 + 8 * Math.sin(at / 60_000)
    rows.push(`cart_pool_connections{service_name="cart",host_name="web1"} ${value.toFixed(3)} ${at}`)
    rows.push(`up{job="cart",instance="web1:8080"} 1 ${at}`)
  }
  const response = await fetch(`${url}/api/v1/push/text`, {
    method: 'POST',
    body: `# TYPE cart_pool_connections gauge\n${rows.join('\n')}\n`,
    headers: { 'content-type': 'text/plain' },
  })
  if (!response.ok) throw new Error(`push was refused: ${response.status} ${await response.text()}`)
}

export interface SentEvent {
  readonly title: string
  readonly kind: string
  readonly time: number
  readonly [member: string]: string | number | undefined
}

export async function pushEvents(url: string, events: readonly SentEvent[]): Promise<void> {
  for (let at = 0; at < events.length; at += 5000)
    await post(url, '/api/v1/events', events.slice(at, at + 5000))
}

/** What happens in the shop: deploys that take a while, a failed one, a configuration, jobs, orders. */
export function shopEvents(from: number, to: number): readonly SentEvent[] {
  const at = (share: number) => Math.round(from + (to - from) * share)
  const orders = Array.from({ length: 40 }, (_, i): SentEvent => ({
    title: `order ${1001 + i} paid`,
    kind: 'order',
    time: at(0.02 + (0.96 * i) / 40),
    service: 'front',
    source: 'shop',
    id: `order-${from}-${i}`,
    amount: 10 + (i % 9) * 7,
  }))
  const deploy = { kind: 'deploy', source: 'ci', environment: 'production' }
  return [
    ...orders,
    {
      ...deploy,
      title: 'cart 1.4.2 rolled out',
      time: at(0.25),
      duration: Math.round((to - from) / 12_000),
      service: 'cart',
      host: 'web1',
      version: '1.4.2',
      result: 'ok',
      link: 'https://ci.example.org/runs/7',
      text: 'Rolled out to 1 of 1 instances.',
      trace_id: shopTrace(3),
    },
    {
      ...deploy,
      title: 'payment 2.0.1 rolled back',
      time: at(0.6),
      duration: Math.round((to - from) / 20_000),
      service: 'payment',
      host: 'web2',
      version: '2.0.1',
      result: 'failed',
      severity: 'error',
    },
    {
      title: 'feature flags changed',
      kind: 'config',
      time: at(0.45),
      service: 'cart',
      source: 'flags',
      severity: 'warn',
      'flag.name': 'new-basket',
    },
    {
      title: 'backup',
      kind: 'cron',
      time: at(0.75),
      duration: Math.round((to - from) / 15_000),
      host: 'web1',
      source: 'cron',
      result: 'ok',
    },
  ]
}

export { pushLines }
