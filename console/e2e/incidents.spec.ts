import type { Page } from '@playwright/test'
import { expect, test as base } from './fixtures'
import { startServer, type RunningServer } from './server'

const rules = `groups:
  - name: shop
    interval: 1s
    rules:
      - alert: CheckoutDown
        expr: e2e_checkout_up == 0
        labels: {severity: critical}
        annotations: {summary: checkout does not answer}
      - alert: DiskFull
        expr: e2e_disk_full == 1
        labels: {severity: warning}
        annotations: {summary: the disk is full}
`

const routing = `route: {receiver: team, group_by: [alertname]}
receivers:
  - name: team
  - name: ann-phone
  - name: bob-phone
`

const config = `rule_files: [rules.yml]
alerting: {config_file: alertmanager.yml}
on_call:
  people:
  - {name: ann, receivers: [ann-phone]}
  - {name: bob, receivers: [bob-phone]}
  schedules:
  - name: platform
    time_zone: Europe/Berlin
    layers:
    - {name: week, participants: [ann, bob], every: 1w, start: 2026-01-05, handoff: '09:00'}
  policies:
  - name: grave
    matchers: ['severity=~"critical|error"']
    steps:
    - {schedules: [platform], wait: 5m}
    - {people: [ann, bob], wait: 10m}
    repeat: 1
`

const test = base.extend<object, { readonly shop: RunningServer }>({
  shop: [
    // eslint-disable-next-line no-empty-pattern -- the runner reads which fixtures are wanted from this pattern
    async ({}, use) => {
      const binary = process.env.WATCHFIRE_BIN
      if (binary === undefined) throw new Error('set WATCHFIRE_BIN to the watchfire binary to test against')
      const server = await startServer(binary, {
        agent: false,
        config,
        files: { 'rules.yml': rules, 'alertmanager.yml': routing },
      })
      const push = () =>
        fetch(`${server.url}/api/v1/push/text`, {
          method: 'POST',
          body: 'e2e_checkout_up{service="checkout"} 0\ne2e_disk_full{host="db-1"} 1\n',
          headers: { 'content-type': 'text/plain' },
        })
      await push()
      const timer = setInterval(() => void push().catch(() => undefined), 5000)
      await use(server)
      clearInterval(timer)
      await server.stop()
    },
    { scope: 'worker', timeout: 90_000 },
  ],
})

const row = (page: Page, title: string) =>
  page.getByRole('list', { name: 'Incidents' }).getByRole('listitem').filter({ hasText: title })

test('incidents are listed and worked through with the keyboard', async ({ open, shop }) => {
  const page = await open(`${shop.url}/incidents?sort=severity`)
  await expect(row(page, 'checkout does not answer')).toContainText('critical', { timeout: 30_000 })
  await expect(row(page, 'the disk is full')).toContainText('Triggered')
  await page.keyboard.press('j')
  await page.keyboard.press('c')
  await expect(row(page, 'checkout does not answer')).toContainText('Acknowledged')
  await page.keyboard.press('c')
  await expect(row(page, 'checkout does not answer')).toContainText('Triggered')
  await page.keyboard.press('*')
  await expect(page.getByText('2 marked')).toBeVisible()
  await page.getByRole('button', { name: 'Acknowledge', exact: true }).click()
  await expect(page.getByRole('button', { name: /^Acknowledged/ })).toContainText('2')
  await page.getByRole('textbox', { name: 'Filter' }).fill('disk')
  await expect(row(page, 'checkout does not answer')).toHaveCount(0)
})

test('one shows what happened, and takes notes', async ({ open, shop }) => {
  const page = await open(`${shop.url}/incidents`, { allow: /404/ })
  await row(page, 'checkout does not answer').getByRole('link').click()
  await expect(page.getByRole('heading', { level: 1 })).toContainText('checkout does not answer')
  const alerts = page.getByRole('region', { name: 'Alerts' })
  await expect(alerts).toContainText('CheckoutDown')
  await expect(alerts).toContainText('e2e_checkout_up == 0')
  await expect(page.getByRole('img', { name: 'Course' })).toBeVisible()
  await page.getByRole('button', { name: 'Note', exact: true }).click()
  await page.getByRole('textbox', { name: 'What should others know?' }).fill('rolled back')
  await page.getByRole('button', { name: 'Add note' }).click()
  const timeline = page.getByRole('list', { name: 'Timeline' })
  await expect(timeline).toContainText('rolled back')
  await expect(timeline).toContainText('Escalated: grave, step 1')
  await page
    .getByRole('group', { name: 'Timeline' })
    .getByRole('button', { name: /^People/ })
    .click()
  await expect(timeline).not.toContainText('Escalated')
  await expect(timeline).toContainText('rolled back')
  await page.getByRole('button', { name: 'Assign' }).click()
  await page.getByRole('button', { name: 'bob' }).click()
  await expect(page.getByText('Assigned to bob')).toBeVisible()
  const report = page.getByRole('link', { name: 'Post-mortem' })
  const download = page.waitForEvent('download')
  await report.click()
  expect((await download).suggestedFilename()).toMatch(/\.md$/)
})

test('who is on call is shown, and somebody stands in', async ({ open, shop }) => {
  const page = await open(`${shop.url}/incidents/oncall`)
  await expect(page.getByRole('button', { name: /platform/ })).toContainText(/ann|bob/)
  await expect(page.getByRole('group', { name: 'grave' })).toContainText('then wait 5m')
  await page.getByRole('button', { name: 'Add an override' }).click()
  const form = page.getByRole('form', { name: 'Stand in on platform' })
  await form.getByRole('button', { name: 'Save' }).click()
  await expect(form.getByRole('alert')).toHaveText('Say who')
  await form.getByRole('combobox', { name: 'Who' }).fill('bob')
  await form.getByRole('textbox', { name: 'Why' }).fill('dentist')
  await form.getByRole('button', { name: 'Save' }).click()
  const overrides = page.getByRole('table', { name: 'Overrides' })
  await expect(overrides).toContainText('dentist')
  await overrides.getByRole('button', { name: 'End it' }).click()
  await expect(overrides).toHaveCount(0)
  // Dragging over a time of a day opens the form with that time.
  const day = await page.locator('[data-track]').nth(9).boundingBox()
  if (day === null) throw new Error('there is no calendar')
  await page.mouse.move(day.x + day.width * 0.25, day.y + 8)
  await page.mouse.down()
  await page.mouse.move(day.x + day.width * 0.5, day.y + 8, { steps: 5 })
  await page.mouse.up()
  await expect(form.getByRole('textbox', { name: 'From' })).toHaveValue(/06:00$/)
  await expect(form.getByRole('textbox', { name: 'Until' })).toHaveValue(/12:00$/)
})

test('a server with nobody on call says how that is written', async ({ open, idleServer }) => {
  const page = await open(`${idleServer.url}/incidents`, { language: 'zh', scheme: 'light' })
  await expect(page.getByRole('heading', { name: '一切正常' })).toBeVisible()
  await page.getByRole('link', { name: '值班' }).click()
  await expect(page.getByRole('heading', { name: '没有人值班' })).toBeVisible()
})
