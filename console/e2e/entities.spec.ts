import { hostname } from 'node:os'
import path from 'node:path'
import type { Page } from '@playwright/test'
import { expect, test as base } from './fixtures'
import { startServer, type RunningServer } from './server'
import { pushEvents, pushPool, pushShop, shopEvents, shopTrace } from './shopData'

interface EntityFixtures {
  /** A server with a shop in all five signals, whose rules fire for the cart. */
  readonly shopServer: RunningServer
}

const binary = process.env.WATCHFIRE_BIN
const minute = 60_000

const rules = `groups:
- name: shop
  interval: 1s
  rules:
  - alert: CartSlow
    expr: max by (service_name) (cart_pool_connections) > 1
    labels: {severity: critical}
    annotations: {summary: the cart is slow}
`

const test = base.extend<object, EntityFixtures>({
  shopServer: [
    // eslint-disable-next-line no-empty-pattern -- the runner reads which fixtures are wanted from this pattern
    async ({}, use) => {
      if (binary === undefined) throw new Error('set WATCHFIRE_BIN to the watchfire binary to test against')
      const server = await startServer(binary, {
        agent: false,
        config: 'self:\n  interval: 1s\nrule_files: [rules.yml]\n',
        files: { 'rules.yml': rules },
      })
      const to = Date.now()
      await pushShop(server.url, to - 10 * minute, to - 2000, 40)
      await pushPool(server.url, to - 10 * minute, to)
      await pushEvents(server.url, shopEvents(to - 10 * minute, to - 2000))
      await use(server)
      await server.stop()
    },
    { scope: 'worker', timeout: 90_000 },
  ],
})

const shot = (name: string) => ({ path: path.join('test-results', 'screens', `entities-${name}.png`) })
const summary = (page: Page) => page.getByRole('main').getByRole('status').first()
const table = (page: Page) => page.getByRole('table', { name: /^(Entities|实体)$/ })
const item = (page: Page, name: RegExp) => page.getByRole('menuitem', { name })

/** Everything of an entity is there once the catalogue has looked. */
async function untilKnown(server: RunningServer, type: string, id: string): Promise<void> {
  await expect
    .poll(async () => (await fetch(`${server.url}/api/v1/entities/${type}/${id}`)).status, {
      timeout: 40_000,
    })
    .toBe(200)
}

test('a catalogue by type, with search, health and signals', async ({ open, shopServer }) => {
  await untilKnown(shopServer, 'endpoint', 'cart/POST%20%2Fcart')
  const page = await open(`${shopServer.url}/entities`)
  await expect(summary(page)).toHaveText(/^\d+ entities in this range$/)
  await page.getByRole('button', { name: /^Service \d/ }).click()
  await expect(page).toHaveURL(/type=service/)
  await expect(table(page)).toContainText('payment')
  await expect(table(page).getByRole('row').filter({ hasText: 'cart' })).toContainText('1.4.2 · production')
  await expect(
    table(page).getByRole('row').filter({ hasText: 'cart' }).getByRole('img', { name: 'Traces' }),
  ).toBeVisible()
  await page.screenshot(shot('catalogue-dark'))
  await page.getByRole('button', { name: /^All \d/ }).click()
  await page.getByRole('textbox', { name: 'Search in names and attributes' }).fill('web2')
  await expect(summary(page)).toHaveText('1 entity in this range')
  await table(page).getByRole('link', { name: 'web2' }).click()
  await expect(page.getByRole('heading', { name: 'web2', level: 1 })).toBeVisible()
  await page.goto(`${shopServer.url}/entities?text=nothing-like-this`)
  await expect(page.getByRole('heading', { name: 'Nothing like that was seen in this range' })).toBeVisible()
  await page.goto(`${shopServer.url}/entities?from=2020-01-01&to=2020-01-02`)
  await expect(page.getByRole('heading', { name: 'Nothing was seen in this range' })).toBeVisible()
})

test('a service: how it is, its signals on one axis, neighbours and changes', async ({
  open,
  shopServer,
}) => {
  await untilKnown(shopServer, 'service', 'cart')
  const page = await open(`${shopServer.url}/entities/service?id=cart&from=now-15m&to=now`)
  const neighbours = page.getByRole('region', { name: 'Neighbours' })
  await expect(neighbours).toContainText('Called by')
  await expect(neighbours.getByRole('link', { name: 'front', exact: true })).toBeVisible()
  await expect(page.getByText('Critical').first()).toBeVisible()
  await expect(page.getByRole('list', { name: 'Alerts that fire' })).toContainText('the cart is slow')
  for (const name of ['Lines by level', 'Spans', 'Events']) {
    await expect(page.getByRole('img', { name, exact: true })).toBeVisible()
  }
  const changes = page.getByRole('region', { name: 'Changes' })
  await expect(changes).toContainText('cart 1.4.2 rolled out')
  await expect(changes).toContainText('feature flags changed')
  // A moment is at one place in all charts, and zooming into one zooms all.
  const lefts = await page
    .getByRole('region', { name: 'Signals on one axis of time' })
    .locator('.u-over')
    .evaluateAll((all) => all.map((one) => Math.round(one.getBoundingClientRect().left)))
  expect(lefts.length).toBeGreaterThan(2)
  expect(new Set(lefts).size).toBe(1)
  await page.screenshot({ ...shot('service-dark'), fullPage: true })
  const spans = page.getByRole('img', { name: 'Spans', exact: true }).locator('.u-over')
  await spans.scrollIntoViewIfNeeded()
  const box = await spans.boundingBox()
  if (box === null) throw new Error('no box')
  await page.mouse.move(box.x + 100, box.y + 20)
  await page.mouse.down()
  await page.mouse.move(box.x + 300, box.y + 20, { steps: 4 })
  await page.mouse.up()
  await expect(page).toHaveURL(/from=\d{13}/)
  await page.goBack()
  await page.getByRole('link', { name: /^Logs \d+ lines/ }).click()
  await expect(page.locator('.cm-content')).toHaveText('{service_name="cart"}')
  await page.goBack()
  await neighbours.getByRole('link', { name: 'payment', exact: true }).click()
  await expect(page.getByRole('heading', { name: 'payment', level: 1 })).toBeVisible()
})

test('errors of a service are issues', async ({ open, shopServer }) => {
  await untilKnown(shopServer, 'service', 'payment')
  const page = await open(`${shopServer.url}/entities/service?id=payment&from=now-15m&to=now`)
  const way = page.getByRole('link', { name: /^Errors 1 issue/ })
  await expect(way).toBeVisible()
  const address = new URL((await way.getAttribute('href')) ?? '', shopServer.url)
  expect(address.pathname).toBe('/errors')
  expect(address.searchParams.get('q')).toBe('service:"payment"')
  const query = new URLSearchParams({ query: 'service:"payment"', status: 'all' })
  const answer = await fetch(`${shopServer.url}/api/v1/errors/issues?${query.toString()}`)
  expect(await answer.text()).toContain('CardRefused')
  await expect(page.getByRole('region', { name: 'The newest of each signal' })).toContainText('CardRefused')
})

test('ids with slashes and blanks have pages; what was never seen says so', async ({ open, shopServer }) => {
  await untilKnown(shopServer, 'endpoint', 'cart/POST%20%2Fcart')
  const page = await open(`${shopServer.url}/entities/endpoint?id=cart/POST /cart`, { allow: /404/ })
  await expect(page.getByRole('heading', { name: 'POST /cart', level: 1 })).toBeVisible()
  await page.goto(`${shopServer.url}/entities/service?id=nobody`)
  await expect(page.getByRole('heading', { name: 'There is no nobody' })).toBeVisible()
  await page.getByRole('link', { name: 'All entities' }).click()
  await expect(table(page)).toBeVisible()
})

test('from a point of a chart to what else there is, by mouse and by keys', async ({ open, shopServer }) => {
  await untilKnown(shopServer, 'service', 'cart')
  const page = await open(`${shopServer.url}/explore?q=cart_pool_connections&from=now-15m&to=now`)
  const chart = page.getByRole('img', { name: /cart_pool_connections/ })
  const box = await chart.locator('.u-over').boundingBox()
  if (box === null) throw new Error('no box')
  await page.mouse.move(box.x + box.width * 0.5, box.y + 100)
  await page.mouse.click(box.x + box.width * 0.6, box.y + 100)
  await expect(item(page, /^Logs .*\d+ lines/)).toBeVisible()
  await expect(item(page, /^Service cart/)).toBeVisible()
  await page.screenshot(shot('related'))
  await page.keyboard.press('Escape')
  await expect(item(page, /^Logs/)).toHaveCount(0)
  await chart.focus()
  await page.keyboard.press('ArrowLeft')
  await page.keyboard.press('ArrowLeft')
  await page.keyboard.press('Enter')
  await item(page, /^Service cart/).click()
  await expect(page.getByRole('heading', { name: 'cart', level: 1 })).toBeVisible()
})

test('from a line and from a span to what else there is', async ({ open, shopServer }) => {
  await untilKnown(shopServer, 'service', 'cart')
  const page = await open(`${shopServer.url}/logs?q={service_name="cart"}&from=now-15m&to=now`)
  await page.getByRole('table', { name: 'Lines' }).getByRole('row').nth(2).click()
  await page.getByRole('button', { name: 'Related' }).click()
  await expect(item(page, /^This trace/)).toBeVisible()
  await expect(item(page, /^Traces .*\d+ spans/)).toBeVisible()
  await item(page, /^Host web1/).click()
  await expect(page.getByRole('heading', { name: 'web1', level: 1 })).toBeVisible()
  await page.goto(`${shopServer.url}/traces/${shopTrace(7)}`)
  await page.getByText('POST /cart').first().click()
  await page.getByRole('button', { name: 'Related' }).click()
  await item(page, /^Logs .*\d+ lines/).click()
  await expect(page.locator('.cm-content')).toContainText('service_name="cart"')
})

test('a host has its processor, memory and disks', async ({ open, server }) => {
  const host = hostname()
  await untilKnown(server, 'host', encodeURIComponent(host))
  const page = await open(`/entities/host?id=${encodeURIComponent(host)}&from=now-5m&to=now`)
  await expect(page.getByRole('heading', { name: host, level: 1 })).toBeVisible()
  for (const name of ['CPU', 'Memory', 'Disk space used', 'Load']) {
    await expect(page.getByRole('img', { name, exact: true })).toBeVisible()
  }
})

test('in Chinese and light, on a phone', async ({ open, shopServer }) => {
  await untilKnown(shopServer, 'service', 'payment')
  const page = await open(`${shopServer.url}/entities/service?id=payment&from=now-15m`, {
    language: 'zh',
    scheme: 'light',
  })
  await expect(page.getByRole('region', { name: '邻居' })).toContainText('被调用')
  await page.screenshot(shot('light-zh'))
  await page.setViewportSize({ width: 390, height: 844 })
  await expect(page.getByRole('heading', { name: 'payment', level: 1 })).toBeVisible()
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390)
  await page.screenshot(shot('phone'))
})
