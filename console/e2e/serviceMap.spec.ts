import path from 'node:path'
import type { Page } from '@playwright/test'
import { expect, test as base } from './fixtures'
import { startServer, type RunningServer } from './server'
import { fleet, pushSpans, shop } from './spans'

/** Some of the first layer call nobody and are not called; that leaves more than two hundred. */
const services = 220

interface MapFixtures {
  /** A server that counts calls each second, and knows a shop. */
  readonly shopServer: RunningServer
}

const binary = process.env.WATCHFIRE_BIN

const test = base.extend<object, MapFixtures>({
  shopServer: [
    // eslint-disable-next-line no-empty-pattern -- the runner reads which fixtures are wanted from this pattern
    async ({}, use) => {
      if (binary === undefined) throw new Error('set WATCHFIRE_BIN to the watchfire binary to test against')
      const server = await startServer(binary, { agent: false, config: 'self:\n  interval: 1s\n' })
      await pushSpans(server.url, shop(7, Date.now() - 600_000, Date.now() - 60_000, 80))
      await use(server)
      await server.stop()
    },
    { scope: 'worker', timeout: 90_000 },
  ],
})

const shot = (name: string) => ({ path: path.join('test-results', 'screens', `map-${name}.png`) })
const node = (page: Page, name: string) => page.getByRole('button', { name: new RegExp(`^${name}, `) })
const detail = (page: Page) => page.getByRole('complementary', { name: /^(Details|详情)$/ })
const summary = (page: Page) => page.getByRole('main').getByRole('status').first()

test('a map without calls says how they are found', async ({ open, idleServer }) => {
  const page = await open(`${idleServer.url}/traces/map`)
  await expect(page.getByRole('heading', { name: 'No calls between services in this range' })).toBeVisible()
})

test('services, their figures, and the ways to traces and metrics', async ({ open, shopServer }) => {
  const page = await open(`${shopServer.url}/traces/map`)
  await expect(node(page, 'payment')).toBeVisible()
  await expect(summary(page)).toHaveText('6 services, 5 kinds of call')
  await expect(node(page, 'stock')).toHaveAccessibleName(/database/)
  await expect(node(page, 'payment')).toHaveAccessibleName(/1[0-9]% failed/)
  await page.screenshot(shot('shop-dark'))
  await node(page, 'checkout').click()
  await expect(page).toHaveURL(/service=checkout/)
  await expect(detail(page)).toContainText('Called by')
  await detail(page)
    .getByRole('button', { name: /payment/ })
    .click()
  await expect(page).toHaveURL(/edge=checkout/)
  await expect(detail(page)).toContainText('checkout → payment')
  await detail(page).getByRole('link', { name: 'Traces' }).click()
  await expect(page.locator('.cm-content')).toHaveText(
    '{ resource.service.name = "checkout" } > { resource.service.name = "payment" }',
  )
  await expect(page.getByRole('table', { name: 'Spans found' })).toContainText('Payment/Charge')
  await page.goBack()
  await detail(page).getByRole('link', { name: 'Metrics' }).click()
  await expect(page).toHaveURL(/traces_service_graph_request_total/)
})

test('a service is in focus with those around it, by the keyboard', async ({ open, shopServer }) => {
  const page = await open(`${shopServer.url}/traces/map`)
  await node(page, 'user').focus()
  await page.keyboard.press('ArrowRight')
  await expect(page).toHaveURL(/service=front/)
  await page.keyboard.press('ArrowRight')
  await expect(page).toHaveURL(/service=checkout/)
  await expect(node(page, 'checkout')).toBeFocused()
  await page.getByText('1 call away').click()
  await expect(page).toHaveURL(/hops=1/)
  await expect(node(page, 'user')).toHaveCount(0)
  await expect(node(page, 'front')).toBeVisible()
  await node(page, 'checkout').focus()
  await page.keyboard.press('Escape')
  await expect(node(page, 'user')).toBeVisible()
})

test('services are grouped by an attribute of theirs, and unfolded', async ({ open, shopServer }) => {
  const page = await open(`${shopServer.url}/traces/map?from=now-1h&to=now`)
  await page.getByRole('combobox', { name: 'Grouping' }).click()
  await page.getByRole('option', { name: 'By service.namespace' }).click()
  await expect(node(page, 'shop')).toHaveAccessibleName(/group/)
  await expect(node(page, 'mailer')).toBeVisible()
  await expect(node(page, 'payment')).toHaveCount(0)
  await node(page, 'shop').click()
  await detail(page).getByRole('button', { name: 'Show its services' }).click()
  await expect(node(page, 'payment')).toBeVisible()
  await expect(page).toHaveURL(/open=shop/)
})

test('any moment of the past can be looked at', async ({ open, shopServer }) => {
  const page = await open(`${shopServer.url}/traces/map?from=now-1h&to=now&refresh=off`)
  await expect(node(page, 'payment')).toBeVisible()
  const slider = page.getByRole('slider', { name: 'Moment shown on the map' })
  await slider.focus()
  await page.keyboard.press('Home')
  await expect(page).toHaveURL(/at=\d{13}/)
  await expect(page.getByRole('heading', { name: /No calls between services/ })).toBeVisible()
  await page.keyboard.press('End')
  await expect(node(page, 'payment')).toBeVisible()
  await page.getByRole('button', { name: 'Whole range' }).click()
  await expect(page).not.toHaveURL(/at=/)
})

test('tables say what the map says', async ({ open, shopServer }) => {
  const page = await open(`${shopServer.url}/traces/map?view=table`, { language: 'zh', scheme: 'light' })
  const calls = page.getByRole('table', { name: '服务间调用' })
  await expect(calls.getByRole('row').filter({ hasText: 'mailer' })).toContainText('消息队列')
  await expect(calls.getByRole('row').filter({ hasText: 'stock' })).toContainText('数据库')
  await page
    .getByRole('table', { name: '服务', exact: true })
    .getByRole('row')
    .filter({ hasText: 'payment' })
    .click()
  await expect(detail(page)).toContainText('调用方')
})

test('two hundred services are found, focused, and drawn without lying on each other', async ({
  open,
  shopServer,
}) => {
  // Calls are counted as they arrive; the first count of each begins at zero.
  await pushSpans(shopServer.url, fleet(3, Date.now() - 1000, services))
  const page = await open(`${shopServer.url}/traces/map`)
  await expect(summary(page)).toHaveText(/2\d\d services/)
  await page.screenshot(shot('fleet-dark'))
  const boxes = await page
    .getByRole('button', { name: /, service: / })
    .evaluateAll((nodes) =>
      nodes
        .map((of) => of.getBoundingClientRect())
        .map(({ x, y, width, height }) => ({ x, y, width, height })),
    )
  const overlaps = boxes.filter((a, i) =>
    boxes.some(
      (b, j) =>
        j > i &&
        Math.abs(a.x - b.x) < Math.min(a.width, b.width) * 0.9 &&
        Math.abs(a.y - b.y) < Math.min(a.height, b.height) * 0.9,
    ),
  )
  expect(boxes.length).toBeGreaterThan(200)
  expect(overlaps).toEqual([])
  await page.getByRole('textbox', { name: 'Find a service' }).fill('core-1')
  await expect(page.getByText(/\d+ found/)).toBeVisible()
  await page.keyboard.press('Enter')
  await expect(detail(page)).toContainText('core-1')
  await page.getByText('2 calls', { exact: true }).click()
  await expect(summary(page)).not.toHaveText(/2\d\d services/)
  await page.getByRole('combobox', { name: 'Grouping' }).click()
  await page.getByRole('option', { name: 'By beginning of name' }).click()
  await expect(node(page, 'edge')).toHaveAccessibleName(/group/)
  await page.screenshot(shot('fleet-grouped'))
})
