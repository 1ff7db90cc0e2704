import path from 'node:path'
import type { Page } from '@playwright/test'
import { expect, postAlerts, pushText, test } from './alerting'

const shot = (name: string) => ({
  path: path.join('test-results', 'screens', `alerts-${name}.png`),
  fullPage: true,
})
const row = (page: Page, name: string) => page.getByRole('button', { name: `Details of ${name}` })
/** Groups and alerts in view. */
const rows = (page: Page) => page.locator('[aria-posinset]')
const detail = (page: Page) => page.getByRole('complementary', { name: /Details of the alert|告警详情/ })
const chip = (page: Page, state: string) => page.getByRole('button', { name: new RegExp(`^${state} \\d`) })
const filter = (page: Page) => page.getByRole('textbox', { name: 'Filter alerts' })

test('what fires stands first, by severity, with what keeps others quiet', async ({ open, alerting }) => {
  const page = await open(`${alerting.url}/alerts`)
  await expect(row(page, 'ServiceDown')).toBeVisible()
  await expect(rows(page).first()).toContainText('page')
  await expect(rows(page).filter({ hasText: 'ServiceDown' })).toContainText('web-2 is down')
  await expect(rows(page).filter({ hasText: 'ServiceDown' })).toContainText('→ on-call')
  await expect(row(page, 'Slow')).toBeVisible()
  await expect(chip(page, 'Pending')).toHaveText('Pending 1')
  // The warning about the same instance is inhibited, and so not among what is looked for first.
  await expect(row(page, 'ServiceOdd')).toHaveCount(0)
  await expect(chip(page, 'Inhibited')).toHaveText('Inhibited 1')
  await chip(page, 'Inhibited').click()
  await expect(row(page, 'ServiceOdd')).toBeVisible()
  await expect(page).toHaveURL(/state=inhibited/)
  await chip(page, 'Firing').click()
  await expect(row(page, 'ServiceDown')).toHaveCount(0)
})

test('filters by conditions, words, and clicks on labels', async ({ open, alerting }) => {
  const page = await open(`${alerting.url}/alerts`)
  await filter(page).fill('severity=~"war.*"')
  await expect(row(page, 'ServiceDown')).toHaveCount(0)
  await expect(row(page, 'Slow')).toBeVisible()
  await filter(page).fill('IS DOWN')
  await expect(row(page, 'Slow')).toHaveCount(0)
  await expect(row(page, 'ServiceDown')).toBeVisible()
  await filter(page).fill('severity="page')
  await expect(page.getByText('A quotation mark is missing')).toBeVisible()
  await filter(page).fill('')
  const slow = rows(page).filter({ hasText: 'Slow' })
  await slow.getByRole('button', { name: 'instance=web-1' }).click()
  await expect(filter(page)).toHaveValue('instance="web-1"')
  await expect(row(page, 'ServiceDown')).toHaveCount(0)
  await slow.getByRole('button', { name: 'Leave out instance="web-1"' }).click()
  await expect(filter(page)).toHaveValue('instance!="web-1"')
  await expect(row(page, 'Slow')).toHaveCount(0)
  await filter(page).fill('service="nothing"')
  await page.getByRole('button', { name: 'Clear the filter' }).click()
  await expect(row(page, 'Slow')).toBeVisible()
})

test('groups by any label', async ({ open, alerting }) => {
  const page = await open(`${alerting.url}/alerts`)
  const by = page.getByRole('combobox', { name: 'Group by' })
  await by.fill('service')
  await page.keyboard.press('Enter')
  await expect(page).toHaveURL(/by=service/)
  await expect(page.getByRole('button', { name: /^web 1 Firing/ })).toBeVisible()
  await page.getByRole('button', { name: /^web 1 Firing/ }).click()
  await expect(row(page, 'ServiceDown')).toHaveCount(0)
  await expect(page.getByRole('button', { name: /^without service 1 Pending/ })).toBeVisible()
})

test('says why an alert fires, since when, and who was told', async ({ open, alerting }) => {
  const page = await open(`${alerting.url}/alerts`)
  await row(page, 'ServiceDown').click()
  const panel = detail(page)
  await expect(panel).toContainText('e2e_up == 0')
  await expect(panel).toContainText('It fires while the value is == 0.')
  await expect(panel.getByRole('img', { name: 'Why' })).toBeVisible()
  await expect(panel.getByRole('button', { name: /^threshold == 0/ })).toBeVisible()
  await expect(panel.getByRole('link', { name: 'https://runbooks.example.org/down' })).toHaveAttribute(
    'href',
    'https://runbooks.example.org/down',
  )
  await expect(panel.getByRole('region', { name: 'Who is told' })).toContainText(/on-call.*delivered/s)
  expect(alerting.told()).toContainEqual({ path: '/on-call', alerts: ['ServiceDown'] })
  await page.screenshot(shot('detail'))
  await panel.getByRole('link', { name: 'Its rule' }).click()
  await expect(page.getByRole('complementary', { name: 'Details of the rule' })).toContainText('services › 1')
})

test('shows how long a pending alert has yet to wait', async ({ open, alerting }) => {
  const page = await open(`${alerting.url}/alerts`)
  await row(page, 'Slow').click()
  await expect(detail(page).getByRole('meter')).toBeVisible()
  await expect(detail(page)).toContainText(/true for .* of 10m · Fires in/)
  await expect(detail(page)).toContainText('2 * e2e_usual_seconds')
  await expect(detail(page).getByRole('button', { name: /^threshold > 1/ })).toBeVisible()
  await expect(detail(page).getByRole('region', { name: 'Who would be told' })).toContainText('team')
})

test('is used by keyboard', async ({ open, alerting }) => {
  const page = await open(alerting.url)
  await expect(page.getByRole('link', { name: /^Alerts/ })).toBeVisible()
  await page.keyboard.press('g')
  await page.keyboard.press('a')
  await expect(page).toHaveURL(/\/alerts$/)
  await expect(row(page, 'ServiceDown')).toBeVisible()
  await page.keyboard.press('j')
  await expect(detail(page)).toContainText('ServiceDown')
  await page.keyboard.press('j')
  await expect(detail(page)).toContainText('Slow')
  await page.keyboard.press('k')
  await expect(detail(page)).toContainText('ServiceDown')
  await page.keyboard.press('x')
  await expect(detail(page)).toHaveCount(0)
  await page.keyboard.press('j')
  await page.keyboard.press('e')
  await expect(page).toHaveURL(/\/explore\?q=/)
  await page.goBack()
  await expect(detail(page)).toContainText('ServiceDown')
  await page.keyboard.press('s')
  await expect(page.getByRole('form', { name: 'Silence' })).toBeVisible()
})

test('what is over is found again', async ({ open, alerting }) => {
  await pushText(alerting.url, 'e2e_brief 1')
  const page = await open(`${alerting.url}/alerts?filter=Brief&state=firing&state=resolved`)
  await expect(chip(page, 'Firing')).toHaveText('Firing 1')
  await row(page, 'Brief').click()
  await pushText(alerting.url, 'e2e_brief 0')
  await expect(chip(page, 'Resolved')).toHaveText('Resolved 1', { timeout: 30_000 })
  await expect(detail(page)).toContainText('Resolved')
  await expect(detail(page).getByRole('button', { name: 'Silence' })).toHaveCount(0)
})

test('alerts of others are shown with what is known of them', async ({ open, alerting }) => {
  await postAlerts(alerting.url, [{ alertname: 'FromOutside', severity: 'critical', cluster: 'far' }])
  const page = await open(`${alerting.url}/alerts?filter=cluster%3Dfar`)
  await row(page, 'FromOutside').click()
  await expect(detail(page)).toContainText('its rule is evaluated elsewhere')
  await expect(detail(page)).toContainText('from FromOutside')
})

test('ten thousand alerts are drawn as few', async ({ open, alerting }) => {
  const many = Array.from({ length: 10_000 }, (_, n) => ({
    alertname: `Many${n % 50}`,
    severity: 'many',
    item: String(n),
  }))
  await postAlerts(alerting.url, many)
  const page = await open(`${alerting.url}/alerts?filter=severity%3Dmany&by=alertname`)
  await expect(chip(page, 'Firing')).toHaveText('Firing 10,000')
  await expect(page.getByRole('button', { name: /^Many0 200 Firing/ })).toBeVisible()
  expect(await rows(page).count()).toBeLessThan(200)
  await page.keyboard.press('End')
  await expect(rows(page).last()).toHaveAttribute('aria-posinset', '10050')
  await filter(page).fill('item=~"99.."')
  await expect(chip(page, 'Firing')).toHaveText('Firing 100')
})

test('without rules it says how the first one comes into being', async ({ open, idleServer }) => {
  const page = await open(`${idleServer.url}/alerts`)
  await expect(page.getByRole('heading', { name: 'Nobody is watching yet' })).toBeVisible()
  await expect(page.getByText('rule_files:')).toBeVisible()
  await page.screenshot(shot('empty'))
  for (const [tab, heading] of [
    ['Rules', 'Nobody is watching yet'],
    ['Silences', 'Nothing is silenced'],
    ['Routes', 'Nobody is told yet'],
  ] as const) {
    await page.getByRole('tab', { name: tab }).click()
    await expect(page.getByRole('heading', { name: heading })).toBeVisible()
  }
  await page.getByRole('tab', { name: 'Notifications' }).click()
  await expect(page.getByText('Nothing was to be told yet.')).toBeVisible()
})

for (const [name, options] of [
  ['dark-en', { language: 'en', scheme: 'dark' }],
  ['light-zh', { language: 'zh', scheme: 'light' }],
] as const) {
  for (const width of [1440, 390]) {
    test(`fits in ${width} pixels, ${name}`, async ({ open, alerting, page }) => {
      await page.setViewportSize({ width, height: 860 })
      await open(`${alerting.url}/alerts`, options)
      for (const [tab, search] of [
        ['alerts', ''],
        ['detail', '?filter=ServiceDown'],
        ['rules', '?tab=rules&rule=none'],
        ['editor', '?tab=rules&edit=1'],
        ['silences', '?tab=silences&silence=severity%3Dpage'],
        ['routes', '?tab=routes&labels=severity%3Dpage'],
        ['deliveries', '?tab=deliveries'],
      ] as const) {
        await page.goto(`${alerting.url}/alerts${search}`)
        await expect(
          page.getByRole('heading', { name: options.language === 'en' ? 'Alerts' : '告警', exact: true }),
        ).toBeVisible()
        if (tab === 'detail')
          await page
            .locator('[aria-posinset]')
            .filter({ hasText: 'ServiceDown' })
            .getByRole('button')
            .first()
            .click()
        await expect(page.locator('.mantine-Skeleton-root')).toHaveCount(0)
        const over = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth)
        expect(over, `${tab} is wider than the window`).toBeLessThanOrEqual(0)
        // The list of alerts is as long as there are alerts; the picture shows its beginning.
        const fullPage = tab !== 'alerts'
        await page.screenshot({ ...shot(`${tab}-${name}-${width}`), fullPage })
      }
    })
  }
}
