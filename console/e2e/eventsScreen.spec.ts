import path from 'node:path'
import type { Page } from '@playwright/test'
import { expect, test as base } from './fixtures'
import { startServer, type RunningServer } from './server'
import { pushEvents, pushShop, shopEvents, shopTrace } from './shopData'

interface EventFixtures {
  readonly shopServer: RunningServer
}

const binary = process.env.WATCHFIRE_BIN
const minute = 60_000

const test = base.extend<object, EventFixtures>({
  shopServer: [
    // eslint-disable-next-line no-empty-pattern -- the runner reads which fixtures are wanted from this pattern
    async ({}, use) => {
      if (binary === undefined) throw new Error('set WATCHFIRE_BIN to the watchfire binary to test against')
      const server = await startServer(binary, { agent: false, config: 'self:\n  interval: 1s\n' })
      const to = Date.now() - 60 * minute
      await pushShop(server.url, to - 14 * minute, to, 40)
      await pushEvents(server.url, shopEvents(to - 14 * minute, to))
      await use(server)
      await server.stop()
    },
    { scope: 'worker', timeout: 90_000 },
  ],
})

const shot = (name: string) => ({ path: path.join('test-results', 'screens', `events-${name}.png`) })
const summary = (page: Page) => page.getByRole('main').getByRole('status').first()
const list = (page: Page) => page.getByRole('list', { name: /^(Events, the newest first|事件，最新在前)$/ })
const detail = (page: Page) => page.getByRole('complementary', { name: /^(Event|事件)$/ })
const values = (page: Page) => page.getByRole('complementary', { name: /^(Values|取值)$/ })
const range = 'from=now-90m&to=now-55m'

test('a server that nobody sends to teaches how to', async ({ open, idleServer }) => {
  const page = await open(`${idleServer.url}/events`)
  await expect(page.getByRole('heading', { name: 'No events from elsewhere yet' })).toBeVisible()
  for (const way of [
    'Webhook',
    'Shell and cron',
    'CloudEvents',
    'GitHub',
    'GitLab',
    'Alertmanager',
    'Kubernetes',
  ]) {
    await page.getByRole('tab', { name: way, exact: true }).click()
    await expect(page.getByRole('tabpanel')).toContainText(idleServer.url)
  }
  await page.screenshot(shot('empty'))
  // What it teaches works: the page is left as soon as an event is there.
  const sent = await fetch(`${idleServer.url}/api/v1/events`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"title": "cart 1.4.2", "kind": "deploy", "service": "cart", "duration": "42s"}',
  })
  expect(sent.ok).toBe(true)
  await expect(list(page).getByRole('button', { name: /cart 1\.4\.2/ })).toBeVisible()
  await expect(page.getByRole('heading', { name: 'No events from elsewhere yet' })).toHaveCount(0)
})

test('values filter and are counted, also those that could be chosen besides', async ({
  open,
  shopServer,
}) => {
  const page = await open(`${shopServer.url}/events?${range}`)
  await expect(summary(page)).toHaveText('44 events')
  await expect(page.getByRole('img', { name: 'Events over time, by kind' })).toBeVisible()
  await page.screenshot(shot('all-dark'))
  const value = (name: string) => values(page).getByRole('button', { name: new RegExp(`^${name} `) })
  await value('deploy').click()
  await expect(page).toHaveURL(/kind=deploy/)
  await expect(summary(page)).toHaveText('2 events')
  await expect(value('order')).toContainText('40')
  await value('config').click()
  await expect(summary(page)).toHaveText('3 events')
  await page.getByRole('button', { name: 'Remove Kind deploy' }).click()
  await expect(summary(page)).toHaveText('1 event')
  await page.getByRole('button', { name: 'Clear conditions' }).click()
  await page.keyboard.press('/')
  await page.keyboard.type('rolled BACK')
  await expect(summary(page)).toHaveText('1 event')
  await page.goto(`${shopServer.url}/events?${range}&severity=warn&attr=flag.name:new-basket`)
  await expect(summary(page)).toHaveText('1 event')
  await expect(list(page)).toContainText('feature flags changed')
})

test('an event opens to its details and leads to its trace, logs and entity', async ({
  open,
  shopServer,
}) => {
  const page = await open(`${shopServer.url}/events?${range}&kind=deploy`)
  await list(page)
    .getByRole('button', { name: /cart 1\.4\.2/ })
    .click()
  await expect(detail(page)).toContainText('Rolled out to 1 of 1 instances.')
  await expect(detail(page)).toContainText('70 s')
  await expect(detail(page).getByRole('link', { name: 'Open link' })).toHaveAttribute(
    'href',
    'https://ci.example.org/runs/7',
  )
  await expect(detail(page).getByRole('link', { name: 'Trace' })).toHaveAttribute(
    'href',
    new RegExp(`/traces/${shopTrace(3)}`),
  )
  await detail(page).getByRole('button', { name: 'Related' }).click()
  const item = (name: RegExp) => page.getByRole('menuitem', { name })
  await expect(item(/^Logs \d+ lines/)).toBeVisible()
  await expect(item(/^Traces \d+ spans/)).toBeVisible()
  await expect(item(/^Service cart/)).toBeVisible()
  await page.screenshot(shot('related'))
  await item(/^Logs/).click()
  await expect(page.locator('.cm-content')).toHaveText('{service_name="cart"}')
  await expect(page.getByRole('table', { name: 'Lines' })).toContainText('POST /cart')
  await page.goBack()
  await detail(page).getByRole('link', { name: 'cart', exact: true }).click()
  await expect(page).toHaveURL(/\/entities\/service\?.*id=cart/)
})

test('a link to an event opens it wherever it is', async ({ open, shopServer }) => {
  const page = await open(`${shopServer.url}/events?${range}&kind=deploy`)
  await list(page)
    .getByRole('button', { name: /payment 2\.0\.1/ })
    .click()
  await expect(page).toHaveURL(/event=\d+-\w+/)
  const key = new URL(page.url()).searchParams.get('event') ?? ''
  await page.goto(`${shopServer.url}/events?from=now-5m&to=now&event=${key}`)
  await expect(detail(page)).toContainText('payment 2.0.1 rolled back')
  await page.goto(`${shopServer.url}/events?${range}&event=1-zzz`)
  await expect(detail(page)).toContainText('This event is not there')
})

test('keys walk through events; lanes can be of services', async ({ open, shopServer }) => {
  const page = await open(`${shopServer.url}/events?${range}`)
  await expect(list(page).getByRole('listitem').first()).toBeVisible()
  await page.keyboard.press('j')
  await expect(detail(page)).toContainText('order 1040 paid')
  await page.keyboard.press('j')
  await expect(detail(page)).toContainText('order 1039 paid')
  await page.keyboard.press('k')
  await expect(detail(page)).toContainText('order 1040 paid')
  await page.keyboard.press('x')
  await expect(detail(page)).toHaveCount(0)
  await expect(page.getByRole('img', { name: 'Events in 4 lanes' })).toBeVisible()
  await page.getByText('By service').click()
  await expect(page).toHaveURL(/by=service/)
  await expect(page.getByRole('button', { name: 'Only payment' })).toContainText('1')
})

test('a drag over the lanes zooms, a click on a mark opens it', async ({ open, shopServer }) => {
  const page = await open(`${shopServer.url}/events?${range}&kind=deploy`)
  const over = page.getByRole('img', { name: 'Events in 1 lane' }).locator('.u-over')
  await expect(over).toBeVisible()
  await expect(page.getByRole('img', { name: 'Events in 1 lane' })).toHaveAttribute('data-events', '2')
  const box = await over.boundingBox()
  if (box === null) throw new Error('no box')
  const middle = box.y + box.height / 2
  for (let x = box.x + 2; x < box.x + box.width; x += 6) {
    await page.mouse.move(x, middle)
    if (
      (await over.locator('[data-event]').count()) > 0 &&
      (await over.locator('[data-event]').first().isVisible())
    ) {
      await page.mouse.click(x, middle)
      break
    }
  }
  await expect(detail(page)).toContainText('cart 1.4.2 rolled out')
  await page.mouse.move(box.x + 40, middle)
  await page.mouse.down()
  await page.mouse.move(box.x + 200, middle, { steps: 4 })
  await page.mouse.up()
  await expect(page).toHaveURL(/from=\d{13}/)
})

test('what is new joins at the top; thousands are paged', async ({ open, shopServer }) => {
  const at = Date.now() - 4 * 60 * minute
  await pushEvents(
    shopServer.url,
    Array.from({ length: 1200 }, (_, i) => ({
      title: `run ${i}`,
      kind: 'job',
      time: at + i * 100,
      source: 'many',
      id: `run-${i}`,
      service: `worker-${i % 40}`,
    })),
  )
  const page = await open(`${shopServer.url}/events?from=now-5h&to=now&source=many`)
  await expect(summary(page)).toHaveText('1,200 events')
  await expect(list(page)).toContainText('run 1199')
  expect(await list(page).getByRole('listitem').count()).toBeLessThan(80)
  await expect
    .poll(async () => {
      await page.mouse.wheel(0, 20_000)
      return page.getByText('All 1,200 are shown').isVisible()
    })
    .toBe(true)
  await page.screenshot(shot('huge'))
  await page.evaluate(() => window.scrollTo(0, 0))
  await pushEvents(shopServer.url, [
    { title: 'the newest', kind: 'job', time: Date.now() - 500, source: 'many' },
  ])
  await page.getByRole('button', { name: 'Refresh now' }).click()
  await expect(list(page)).toContainText('the newest')
  await expect(summary(page)).toHaveText('1,201 events')
})

test('what is seen becomes a metric', async ({ open, shopServer }) => {
  const page = await open(`${shopServer.url}/events?${range}&kind=deploy&service=cart`)
  await page.getByRole('button', { name: 'As a metric' }).click()
  const dialog = page.getByRole('dialog', { name: 'Events as metrics' })
  await expect(dialog).toContainText('events_total{kind="deploy", service="cart"}')
  await expect(dialog).toContainText('match: {kind: deploy, service_name: cart}')
  await dialog.getByRole('link', { name: 'Open in Explore' }).click()
  await expect(page).toHaveURL(/\/explore\?.*events_total/)
})

test('in Chinese and light, on a phone', async ({ open, shopServer }) => {
  const page = await open(`${shopServer.url}/events?${range}`, { language: 'zh', scheme: 'light' })
  await expect(summary(page)).toHaveText('44 个事件')
  await page.screenshot(shot('light-zh'))
  await page.setViewportSize({ width: 390, height: 844 })
  await page.goto(`${shopServer.url}/events?${range}&kind=deploy`)
  await list(page)
    .getByRole('button', { name: /payment 2\.0\.1/ })
    .click()
  await expect(detail(page)).toContainText('失败')
  await page.screenshot(shot('phone'))
  await detail(page).getByRole('button', { name: '关闭' }).click()
  await page.getByRole('button', { name: '取值' }).click()
  await expect(values(page)).toBeVisible()
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390)
})
