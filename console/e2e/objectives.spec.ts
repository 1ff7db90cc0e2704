import type { Page } from '@playwright/test'
import { expect, test as base } from './fixtures'
import { startServer, type RunningServer } from './server'

const config = `objectives:
- name: shop-availability
  service: shop
  description: Customers can pay
  target: 99
  window: 1d
  interval: 1s
  ratio:
    errors: e2e_requests_total{code=~"5.."}
    total: e2e_requests_total
- name: silent
  service: nobody
  target: 99.9
  window: 30d
  interval: 1s
  ratio:
    errors: e2e_absent_total{code=~"5.."}
    total: e2e_absent_total
`

const test = base.extend<object, { readonly promised: RunningServer }>({
  promised: [
    // eslint-disable-next-line no-empty-pattern -- the runner reads which fixtures are wanted from this pattern
    async ({}, use) => {
      const binary = process.env.WATCHFIRE_BIN
      if (binary === undefined) throw new Error('set WATCHFIRE_BIN to the watchfire binary to test against')
      const server = await startServer(binary, { agent: false, config })
      // One request in ten fails: ten times what is allowed.
      const now = Date.now()
      const rows = Array.from({ length: 40 }, (_, i) => {
        const at = now - (40 - i) * 15_000
        return `e2e_requests_total{code="200"} ${i * 90} ${at}\ne2e_requests_total{code="500"} ${i * 10} ${at}`
      })
      const pushed = await fetch(`${server.url}/api/v1/push/text`, {
        method: 'POST',
        body: `# TYPE e2e_requests_total counter\n${rows.join('\n')}\n`,
        headers: { 'content-type': 'text/plain' },
      })
      if (!pushed.ok) throw new Error(`push was refused: ${await pushed.text()}`)
      await use(server)
      await server.stop()
    },
    { scope: 'worker', timeout: 90_000 },
  ],
})

const row = (page: Page, name: string) =>
  page.getByRole('list', { name: 'Objectives' }).getByRole('listitem').filter({ hasText: name })

test('objectives are listed, the most urgent first', async ({ open, promised }) => {
  const page = await open(`${promised.url}/objectives`)
  await expect(row(page, 'shop-availability')).toContainText('Exhausted', { timeout: 30_000 })
  await expect(row(page, 'shop-availability')).toContainText('99% over 1d')
  await expect(row(page, 'silent')).toContainText('No data')
  await expect(page.getByRole('list', { name: 'Objectives' }).getByRole('listitem').first()).toContainText(
    'shop',
  )
  await page.getByRole('button', { name: /^No data/ }).click()
  await expect(row(page, 'shop-availability')).toHaveCount(0)
  await page.getByRole('button', { name: /^No data/ }).click()
  await page.getByRole('textbox', { name: 'Filter' }).fill('service=shop')
  await expect(row(page, 'silent')).toHaveCount(0)
  await page.getByRole('textbox', { name: 'Filter' }).blur()
  await page.keyboard.press('j')
  await page.keyboard.press('o')
  await expect(page).toHaveURL(/objectives\/shop-availability/)
})

test('one shows its budget, how fast it burns, and who is told', async ({ open, promised }) => {
  const page = await open(`${promised.url}/objectives/shop-availability`)
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('shop-availability')
  await expect(page.getByText('Customers can pay')).toBeVisible()
  await expect(page.getByRole('region', { name: 'Burn rates by window' })).toContainText('5m')
  await expect(page.getByRole('table', { name: 'Alerts' })).toContainText('14.4×')
  await expect(page.getByRole('region', { name: 'The rules that come of it' })).toContainText('record:')
  await expect(page.getByRole('img', { name: 'Errors against what is allowed' })).toBeVisible()
  await page.getByRole('button', { name: 'Show 1d' }).click()
  await expect(page).toHaveURL(/from=now-1d|from=now-24h/)
  await expect(page.getByRole('link', { name: 'Its alerts' })).toHaveAttribute('href', /objective/)
})

test('an objective that is written shows at once how it would have stood', async ({ open, promised }) => {
  const page = await open(`${promised.url}/objectives/new`, { allow: /400/ })
  const preview = page.getByRole('region', { name: 'How it stands now' })
  await expect(preview).toContainText('begin with a template')
  await page.getByRole('button', { name: 'Begin with' }).click()
  await page.getByRole('menuitem', { name: 'Requests that succeed' }).click()
  await expect(preview).toContainText('99.9%')
  await expect(page.getByRole('region', { name: 'For the configuration file' })).toContainText('objectives:')
  await page.getByRole('textbox', { name: 'Objective' }).click()
  await page.keyboard.press('Control+a')
  await page.keyboard.insertText('name: mine\ntarget: 199\nratio: {errors: a_total, total: b_total}\n')
  await expect(page.getByRole('alert')).toContainText('target')
  await expect(preview).toContainText('before the mistake')
  await page.keyboard.press('Control+a')
  await page.keyboard.insertText(
    'name: mine\ntarget: 95\nwindow: 1d\nratio:\n  errors: e2e_requests_total{code="500"}\n  total: e2e_requests_total\n',
  )
  await expect(page.getByRole('alert')).toHaveCount(0)
  await expect(preview).toContainText('95%')
})

test('a server without objectives says how to begin', async ({ open, idleServer }) => {
  const page = await open(`${idleServer.url}/objectives`, { language: 'zh', scheme: 'light' })
  await expect(page.getByRole('heading', { name: '还没有服务目标' })).toBeVisible()
  await page.getByRole('link', { name: '写下第一个' }).click()
  await expect(page.getByRole('heading', { name: '新目标' })).toBeVisible()
})
