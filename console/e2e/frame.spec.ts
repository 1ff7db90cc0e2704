import path from 'node:path'
import { expect, test } from './fixtures'

const screens = [
  { name: 'machine', path: '/', en: 'This machine', zh: '本机' },
  { name: 'explore', path: '/explore?q=rate(node_cpu_seconds_total[1m])', en: 'Explore', zh: '查询' },
  { name: 'logs', path: '/logs', en: 'Logs', zh: '日志' },
  { name: 'traces', path: '/traces', en: 'Traces', zh: '链路' },
  { name: 'map', path: '/traces/map', en: 'Service map', zh: '服务拓扑' },
  { name: 'compare', path: '/traces/compare', en: 'Compare traces', zh: '链路对比' },
  { name: 'events', path: '/events', en: 'Events', zh: '事件' },
  { name: 'entities', path: '/entities', en: 'Entities', zh: '实体' },
  { name: 'alerts', path: '/alerts', en: 'Alerts', zh: '告警' },
  { name: 'rules', path: '/alerts?tab=rules', en: 'Alerts', zh: '告警' },
  { name: 'incidents', path: '/incidents', en: 'Incidents', zh: '事故' },
  { name: 'oncall', path: '/incidents/oncall', en: 'Incidents', zh: '事故' },
  { name: 'objectives', path: '/objectives', en: 'Objectives', zh: '服务目标' },
  { name: 'probes', path: '/probes', en: 'Probes', zh: '探测' },
  { name: 'heartbeats', path: '/probes?tab=heartbeats', en: 'Probes', zh: '探测' },
  { name: 'pipelines', path: '/pipelines?name=prepared', en: 'Pipelines', zh: '日志处理' },
  { name: 'targets', path: '/targets', en: 'Targets', zh: '采集目标' },
  { name: 'status', path: '/status', en: 'Status', zh: '状态' },
  { name: 'cardinality', path: '/status?tab=cardinality', en: 'Status', zh: '状态' },
] as const

for (const screen of screens) {
  for (const language of ['en', 'zh'] as const) {
    for (const scheme of ['dark', 'light'] as const) {
      test(`${screen.name} in ${language}, ${scheme}`, async ({ open }) => {
        const page = await open(screen.path, { language, scheme })
        await expect(page.getByRole('heading', { level: 1 })).toHaveText(screen[language])
        await expect(page.locator('html')).toHaveAttribute('lang', language === 'en' ? 'en' : 'zh-CN')
        await expect(page.locator('html')).toHaveAttribute('data-mantine-color-scheme', scheme)
        await page.waitForLoadState('networkidle').catch(() => undefined)
        const file = `${screen.name}-${language}-${scheme}.png`
        await page.screenshot({ path: path.join('test-results', 'screens', file) })
      })
    }
  }

  test(`${screen.name} fits a phone`, async ({ open, page }) => {
    await page.setViewportSize({ width: 390, height: 844 })
    await open(screen.path)
    await expect(page.getByRole('heading', { level: 1 })).toBeVisible()
    const overflow = await page.evaluate(
      () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
    )
    expect(overflow).toBeLessThanOrEqual(0)
    await page.screenshot({ path: path.join('test-results', 'screens', `${screen.name}-phone.png`) })
  })
}

test('the keyboard goes everywhere', async ({ open }) => {
  const page = await open('/')
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('This machine')
  await page.keyboard.press('g')
  await page.keyboard.press('e')
  await expect(page).toHaveURL(/\/explore/)
  await expect(page.locator('.cm-content')).toBeVisible()
  await page.keyboard.press('/')
  await expect(page.locator('.cm-content').first()).toBeFocused()
  await page.keyboard.press('Escape')
  await page.keyboard.press('?')
  await expect(page.getByRole('dialog')).toContainText('Keyboard shortcuts')
  await page.keyboard.press('Escape')
  await expect(page.getByRole('dialog')).toHaveCount(0)
  await page.keyboard.press('g')
  await page.keyboard.press('t')
  await expect(page).toHaveURL(/\/targets/)
  await page.keyboard.press('d')
  await expect(page.locator('html')).toHaveAttribute('data-mantine-color-scheme', 'light')
})

test('the palette opens screens and metrics', async ({ open }) => {
  const page = await open('/status')
  await expect(page.getByRole('heading', { level: 1 })).toBeVisible()
  await page.keyboard.press('Control+k')
  await expect(page.getByRole('combobox', { name: /Go to a screen/ })).toBeFocused()
  await page.keyboard.type('load15')
  await expect(page.getByRole('option', { name: 'node_load15' })).toBeVisible()
  await page.keyboard.press('Enter')
  await expect(page).toHaveURL(/explore\?.*q=node_load15/)
})

test('language switches in place', async ({ open }) => {
  const page = await open('/targets')
  await page.getByRole('button', { name: 'Language' }).click()
  await page.getByRole('menuitem', { name: '简体中文' }).click()
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('采集目标')
  await expect(page).toHaveTitle(/烽火/)
})

test('the range picker takes quick, relative and absolute ranges in any zone', async ({ open }) => {
  const page = await open('/')
  const open_ = () => page.getByRole('button', { name: /^Time range/ }).click()
  await open_()
  await page.getByRole('button', { name: 'Last 1 hour' }).click()
  await expect(page).toHaveURL(/from=now-1h&to=now/)
  await open_()
  await page.getByRole('textbox', { name: 'From' }).fill('yesterday-ish')
  await expect(page.getByText(/Write now-1h/)).toBeVisible()
  await page.getByRole('textbox', { name: 'From' }).fill('2026-01-31 12:00:00')
  await page.getByRole('textbox', { name: 'To', exact: true }).fill('2026-01-31 13:00:00')
  await page.getByRole('button', { name: 'Apply' }).click()
  // Berlin, where the browser claims to be, is an hour ahead of UTC in January.
  await expect(page).toHaveURL(
    new RegExp(`from=${Date.UTC(2026, 0, 31, 11)}&to=${Date.UTC(2026, 0, 31, 12)}`),
  )
  await expect(page.getByText('This range holds no measurements')).toBeVisible()
  await page.getByRole('button', { name: 'Show the last 15 minutes' }).click()
  await open_()
  await page.getByRole('combobox', { name: 'Time zone' }).fill('shanghai')
  await page.getByRole('option', { name: /Shanghai/ }).click()
  await expect(page).toHaveURL(/tz=Asia\/Shanghai/)
})

test('an unknown address says so', async ({ open }) => {
  const page = await open('/nowhere')
  await expect(page.getByText('There is nothing at this address')).toBeVisible()
  await page.getByRole('link', { name: 'Go to This machine' }).click()
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('This machine')
})

test('a silent server raises a banner, and its return lowers it', async ({ open, page }) => {
  await open('/?from=now-5m&to=now', { allow: /Failed to load resource|ERR_FAILED/ })
  await expect(page.locator('canvas').first()).toBeVisible()
  await page.route('**/api/v1/**', (route) => route.abort())
  await expect(page.getByText('The server does not answer')).toBeVisible()
  await page.unroute('**/api/v1/**')
  await expect(page.getByText('The server does not answer')).toHaveCount(0)
})

test('rests while the tab is hidden', async ({ open, page }) => {
  await open('/?from=now-5m&to=now')
  await expect(page.locator('canvas').first()).toBeVisible()
  await page.evaluate(() => {
    Object.defineProperty(document, 'hidden', { configurable: true, get: () => true })
    document.dispatchEvent(new Event('visibilitychange'))
  })
  await page.waitForTimeout(1500)
  let asked = 0
  page.on('request', (request) => {
    if (request.url().includes('/query_range')) asked++
  })
  await page.waitForTimeout(3000)
  expect(asked).toBe(0)
})
