import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test as base } from './fixtures'
import { startServer, type RunningServer } from './server'

export { expect } from './fixtures'

const rules = `groups:
  - name: services
    interval: 1s
    rules:
      - alert: ServiceDown
        expr: e2e_up == 0
        labels: {severity: page}
        annotations:
          summary: '{{ $labels.instance }} is down'
          runbook_url: https://runbooks.example.org/down
      - alert: ServiceOdd
        expr: e2e_up == 0
        labels: {severity: warning}
      - alert: Slow
        expr: e2e_latency_seconds > on (instance) 2 * e2e_usual_seconds
        for: 10m
        labels: {severity: warning}
        annotations: {summary: 'Answers take {{ $value | humanizeDuration }}'}
      - record: service:up:sum
        expr: sum by (service) (e2e_up)
      - alert: Never
        expr: e2e_up > 1
      - alert: Brief
        expr: e2e_brief > 0
  - name: broken
    interval: 1s
    rules:
      - alert: Broken
        expr: e2e_up + on () group_left () e2e_up > 0
`

const routing = (port: number) => `route:
  receiver: team
  group_by: [alertname]
  group_wait: 0s
  group_interval: 1s
  routes:
    - matchers: [severity="page"]
      receiver: on-call
      group_by: [alertname, instance]
      continue: true
      routes:
        - matchers: [service=~"db.*"]
          receiver: databases
    - matchers: [severity="many"]
      receiver: silent
inhibit_rules:
  - source_matchers: [severity="page"]
    target_matchers: [severity="warning"]
    equal: [instance]
receivers:
  - name: team
    webhook_configs: [{url: 'http://127.0.0.1:${port}/team'}]
  - name: on-call
    webhook_configs: [{url: 'http://127.0.0.1:${port}/on-call'}]
  - name: databases
    webhook_configs: [{url: 'http://127.0.0.1:${port}/refuse'}]
  - name: silent
`

const config = `rule_files: ['rules.yml']
alerting: {config_file: alertmanager.yml}
`

export interface AlertServer extends RunningServer {
  /** What receivers were told: the path, and the names of the alerts. */
  readonly told: () => readonly { readonly path: string; readonly alerts: readonly string[] }[]
}

async function listening(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port
}

/** Samples of now, in the text format. */
export async function pushText(url: string, text: string): Promise<void> {
  const response = await fetch(`${url}/api/v1/push/text`, { method: 'POST', body: `${text}\n` })
  if (!response.ok) throw new Error(`push was refused: ${response.status} ${await response.text()}`)
}

/** Three services of which one is down, and one that is slow. */
async function pushServices(url: string): Promise<void> {
  const lines = [
    'e2e_up{instance="web-1",service="web"} 1',
    'e2e_up{instance="web-2",service="web"} 0',
    'e2e_up{instance="db-1",service="db"} 1',
    'e2e_latency_seconds{instance="web-1",service="web"} 1.5',
    'e2e_latency_seconds{instance="db-1",service="db"} 0.2',
    'e2e_usual_seconds{instance="web-1"} 0.5',
    'e2e_usual_seconds{instance="db-1"} 0.5',
  ]
  await pushText(url, lines.join('\n'))
}

interface Fixtures {
  readonly alerting: AlertServer
}

/** A server with rules, routes and receivers, and someone who listens to these. */
export const test = base.extend<object, Fixtures>({
  alerting: [
    // eslint-disable-next-line no-empty-pattern -- the runner reads which fixtures are wanted from this pattern
    async ({}, use) => {
      const binary = process.env.WATCHFIRE_BIN
      if (binary === undefined) throw new Error('set WATCHFIRE_BIN to the watchfire binary to test against')
      const told: { path: string; alerts: string[] }[] = []
      const hook = createServer((request, response) => {
        let body = ''
        request.on('data', (chunk: Buffer) => (body += chunk.toString()))
        request.on('end', () => {
          const message = JSON.parse(body) as { alerts: { labels: Record<string, string> }[] }
          told.push({
            path: request.url ?? '',
            alerts: message.alerts.map(({ labels }) => labels.alertname ?? ''),
          })
          response.statusCode = request.url === '/refuse' ? 404 : 200
          response.end()
        })
      })
      const port = await listening(hook)
      const server = await startServer(binary, {
        agent: false,
        config,
        files: { 'rules.yml': rules, 'alertmanager.yml': routing(port) },
      })
      await pushServices(server.url)
      // Samples count for five minutes; the tests may take longer.
      const again = setInterval(() => void pushServices(server.url).catch(() => undefined), 60_000)
      await use({ ...server, told: () => told })
      clearInterval(again)
      await server.stop()
      hook.closeAllConnections()
      hook.close()
    },
    { scope: 'worker', timeout: 90_000 },
  ],
})

/** Alerts as another Prometheus would send them. */
export async function postAlerts(url: string, alerts: readonly Record<string, string>[]): Promise<void> {
  const response = await fetch(`${url}/api/v2/alerts`, {
    method: 'POST',
    body: JSON.stringify(
      alerts.map((labels) => ({ labels, annotations: { summary: `from ${labels.alertname ?? ''}` } })),
    ),
    headers: { 'content-type': 'application/json' },
  })
  if (!response.ok) throw new Error(`alerts were refused: ${response.status} ${await response.text()}`)
}
