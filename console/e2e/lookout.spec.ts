import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Page } from '@playwright/test'
import { expect, test as base } from './fixtures'
import { startServer, type RunningServer } from './server'

const manyTargets = 1000

const config = (site: number) => `probes:
  modules:
    http_2xx: {prober: http}
  targets:
    - {module: http_2xx, targets: ['http://127.0.0.1:${site}/'], interval: 1s, labels: {team: web}}
    - {module: http_2xx, targets: ['http://127.0.0.1:${site}/broken'], interval: 1s}
    - {module: tcp_connect, targets: ['127.0.0.1:${site}'], interval: 1s}
heartbeats:
  interval: 1s
  unknown: take
  jobs:
    - {name: backup, schedule: '0 3 * * *', timezone: Europe/Berlin, grace: 1h, description: 'All of it, each night'}
    - {name: sync, period: 1s, grace: 1s}
checks:
  commands:
    - name: disk
      shell: "echo 'DISK OK - 56% free|/=2643MB;5948;5958;0;5968'"
      interval: 1s
    - {name: users, shell: "echo 'USERS CRITICAL - 12 users|users=12;5;10;0'; echo 'who knows'; exit 2", interval: 1s}
    - {name: absent, command: [/nonexistent/check_x], interval: 1s}
alerting: {watchdog: true}
`

interface Fixtures {
  readonly site: Server
  readonly watched: RunningServer
}

const test = base.extend<object, Fixtures>({
  site: [
    // eslint-disable-next-line no-empty-pattern -- the runner reads which fixtures are wanted from this pattern
    async ({}, use) => {
      const site = createServer((request, response) => {
        response.writeHead(request.url === '/' ? 200 : 503).end('hello')
      })
      await new Promise<void>((resolve) => site.listen(0, '127.0.0.1', resolve))
      await use(site)
      site.closeAllConnections()
      site.close()
    },
    { scope: 'worker' },
  ],
  watched: [
    async ({ site }, use) => {
      const binary = process.env.WATCHFIRE_BIN
      if (binary === undefined) throw new Error('set WATCHFIRE_BIN to the watchfire binary to test against')
      const { port } = site.address() as AddressInfo
      const server = await startServer(binary, { agent: false, config: config(port) })
      const report = (path: string, body = '') =>
        fetch(`${server.url}/api/v1/heartbeats/${path}`, { method: 'POST', body })
      await report('backup/start')
      await report('backup?duration=12', 'copied 7 files')
      await report('adhoc/3', 'no space left')
      await use(server)
      await server.stop()
    },
    { scope: 'worker', timeout: 90_000 },
  ],
})

const details = (page: Page) => page.getByRole('complementary', { name: 'Details' })
const rows = (page: Page) =>
  page.getByRole('list', { name: /^(Probes|Heartbeats|Checks)$/ }).getByRole('listitem')
const row = (page: Page, name: string) => rows(page).filter({ hasText: name })

test('targets are listed with what is wrong, and one opens to its course', async ({
  open,
  watched,
  site,
}) => {
  const { port } = site.address() as AddressInfo
  const page = await open(`${watched.url}/probes`)
  await expect(row(page, '/broken')).toContainText('Down')
  await expect(row(page, '/broken')).toContainText('503')
  await expect(row(page, 'team=web')).toContainText('Up')
  // What is down stands first.
  await expect(rows(page).first()).toContainText('/broken')
  await page.getByRole('button', { name: /^Up/ }).click()
  await expect(row(page, '/broken')).toHaveCount(0)
  await page.getByRole('button', { name: /^Up/ }).click()
  await page.getByRole('textbox', { name: 'Filter' }).fill('team=web')
  await expect(rows(page)).toHaveCount(1)
  await page.getByRole('button', { name: `http://127.0.0.1:${port}/` }).click()
  await expect(details(page)).toContainText('http_2xx · http · every 1s')
  await expect(details(page).getByRole('img', { name: 'Time by phase' })).toBeVisible()
  await expect(details(page).getByText('processing')).toBeVisible()
  await expect(details(page).getByRole('img', { name: 'Up and down' }).locator('rect').first()).toBeAttached()
  await expect(details(page)).toContainText('None in this range.')
})

test('a target is probed again on request, with all that was done', async ({ open, watched, site }) => {
  const { port } = site.address() as AddressInfo
  const page = await open(`${watched.url}/probes`)
  await page.getByRole('button', { name: `http://127.0.0.1:${port}/broken` }).click()
  await expect(details(page).getByRole('alert')).toContainText('503')
  await details(page).getByRole('button', { name: 'Try now' }).click()
  await expect(details(page).getByRole('status')).toContainText('The target is not well')
  await expect(details(page)).toContainText(`GET http://127.0.0.1:${port}/broken`)
  await details(page).getByText('What was measured').click()
  await expect(details(page)).toContainText('probe_http_status_code 503')
  // Modules that are built in are not for anybody who asks.
  await page.getByRole('button', { name: `127.0.0.1:${port}`, exact: true }).click()
  await expect(details(page)).toContainText('The module tcp_connect is built in')
  await expect(details(page)).toContainText(`watchfire probe tcp_connect 127.0.0.1:${port}`)
})

test('the keyboard walks through targets', async ({ open, watched }) => {
  const page = await open(`${watched.url}/targets`)
  await expect(page.getByRole('heading', { level: 2 })).toBeVisible()
  await page.keyboard.press('g')
  await page.keyboard.press('b')
  await expect(page).toHaveURL(/\/probes/)
  await expect(rows(page).first()).toContainText('/broken')
  await page.keyboard.press('j')
  await expect(details(page)).toContainText('/broken')
  await page.keyboard.press('j')
  await expect(details(page)).not.toContainText('/broken')
  await page.keyboard.press('k')
  await expect(details(page)).toContainText('/broken')
  await page.keyboard.press('x')
  await expect(details(page)).toHaveCount(0)
})

test('jobs show when they are expected, their runs, and how to report', async ({ open, watched }) => {
  const page = await open(`${watched.url}/probes?tab=heartbeats`)
  await expect(row(page, 'backup')).toContainText('On time')
  await expect(row(page, 'backup')).toContainText('0 3 * * * (Europe/Berlin)')
  await expect(row(page, 'sync')).toContainText('Late')
  await expect(row(page, 'sync')).toContainText('overdue by')
  await page.getByRole('button', { name: 'backup' }).click()
  await expect(details(page)).toContainText('late 1h after its turn')
  await expect(details(page)).toContainText('copied 7 files')
  await expect(details(page).getByRole('table', { name: 'Runs in this range' })).toContainText('12 s')
  await expect(details(page)).toContainText('watchfire heartbeat backup -- COMMAND')
  await expect(details(page)).toContainText('/api/v1/heartbeats/backup/start')
  await page.getByRole('button', { name: 'adhoc' }).click()
  await expect(details(page)).toContainText('exit code 3')
  await details(page).getByRole('button', { name: 'Forget it' }).click()
  await details(page).getByRole('button', { name: 'Really forget it?' }).click()
  await expect(row(page, 'adhoc')).toHaveCount(0)
})

test('plugins show state, text, and what they measure', async ({ open, watched }) => {
  const page = await open(`${watched.url}/probes?tab=checks`)
  await expect(row(page, 'users')).toContainText('Critical')
  await expect(row(page, 'disk')).toContainText('OK')
  await expect(row(page, 'absent')).toContainText('cannot run /nonexistent/check_x')
  await page.getByRole('button', { name: 'users' }).click()
  await expect(details(page)).toContainText('who knows')
  await expect(details(page).getByRole('region', { name: 'users', exact: true })).toContainText('12')
  await page.getByRole('button', { name: 'disk' }).click()
  await expect(details(page).getByRole('region', { name: '/', exact: true })).toContainText('2.58 GiB')
})

test('the watch over the watcher says whether all is well', async ({ open, watched }) => {
  const page = await open(`${watched.url}/probes?tab=vigil`)
  await expect(page.getByRole('tabpanel').getByRole('status')).toContainText(
    'This server does what others count on',
  )
  await expect(page.getByRole('table', { name: 'Parts' })).toContainText('Evaluation of rules')
  await expect(page.getByRole('region', { name: 'Dead man’s switch' })).toContainText(
    'The alert Watchdog fires',
  )
})

test('without anything to look at it says how to begin', async ({ open, idleServer }) => {
  const page = await open(`${idleServer.url}/probes`, { language: 'zh' })
  await expect(page.getByRole('heading', { name: '还没有从外部探测任何目标' })).toBeVisible()
  await page.getByRole('tab', { name: '心跳' }).click()
  await expect(page.getByText('watchfire heartbeat backup --')).toBeVisible()
  await page.getByRole('tab', { name: '检查' }).click()
  await expect(page.getByText('nagios_perfdata_value')).toBeVisible()
})

test('a thousand targets are as quick as ten', async ({ open, site, page }) => {
  const binary = process.env.WATCHFIRE_BIN ?? ''
  const { port } = site.address() as AddressInfo
  const targets = Array.from({ length: manyTargets }, (_, i) => `'http://127.0.0.1:${port}/${i}'`)
  const server = await startServer(binary, {
    agent: false,
    config: `probes:\n  targets:\n  - {module: http_2xx, interval: 30s, targets: [${targets.join(', ')}]}\n`,
  })
  try {
    await open(`${server.url}/probes`, { language: 'en', scheme: 'light' })
    await expect(rows(page).first()).toHaveAttribute('aria-setsize', String(manyTargets))
    expect(await rows(page).count()).toBeLessThan(60)
    await page.setViewportSize({ width: 390, height: 800 })
    await page.getByRole('textbox', { name: 'Filter' }).fill('/999')
    await expect(rows(page)).toHaveCount(1)
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth)
    expect(wide).toBeLessThanOrEqual(0)
  } finally {
    // What asks on would complain that nobody answers.
    await page.close()
    await server.stop()
  }
})
