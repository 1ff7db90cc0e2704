import type { Page } from '@playwright/test'
import { expect, test } from './fixtures'
import type { RunningServer } from './server'

async function send(
  server: RunningServer,
  event: Record<string, unknown> | readonly Record<string, unknown>[],
): Promise<void> {
  const answer = await fetch(`${server.url}/api/v1/events`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(event),
  })
  if (!answer.ok) throw new Error(await answer.text())
}

/** Points at a mark and gives what the tooltip says of it; nothing if it says nothing. */
async function pointAt(page: Page, name: RegExp, place: number): Promise<string> {
  const chart = page.getByRole('img', { name }).first()
  const box = await chart.locator('.u-over').boundingBox()
  if (box === null) throw new Error('the chart has no box')
  await page.mouse.move(box.x + box.width * place - 20, box.y + box.height / 2)
  await page.mouse.move(box.x + box.width * place, box.y + box.height / 2)
  const told = chart.locator('[data-event="deploy"]')
  return (await told.count()) > 0 ? await told.first().innerText() : ''
}

for (const [language, scheme, toggle] of [
  ['en', 'dark', 'Events'],
  ['zh', 'light', '事件'],
] as const) {
  test(`charts mark events and say what they are (${language}, ${scheme})`, async ({ open, server }) => {
    const to = Date.now()
    await send(server, {
      title: `shop ${language} 2.0`,
      kind: 'deploy',
      service: 'shop',
      result: 'ok',
      time: to - 60_000,
      duration: 20,
    })
    const page = await open(`/explore?q=node_load1&from=${to - 300_000}&to=${to}`, { language, scheme })
    const chart = page.getByRole('img', { name: /node_load1/ }).first()
    await expect(chart).toBeVisible()
    await expect(chart).not.toHaveAttribute('data-marks', '0')
    await expect.poll(() => pointAt(page, /node_load1/, 0.8)).toContain('2.0')
    await page.getByRole('button', { name: toggle, exact: true }).click()
    await expect(chart).toHaveAttribute('data-marks', '0')
    expect(await pointAt(page, /node_load1/, 0.8)).toBe('')
    await page.reload()
    await expect(page.getByRole('button', { name: toggle, exact: true })).toHaveAttribute(
      'aria-pressed',
      'false',
    )
  })
}

test('this machine shows them, too', async ({ open, server }) => {
  await send(server, {
    title: 'configuration 7',
    kind: 'config',
    severity: 'warn',
    time: Date.now() - 30_000,
  })
  const page = await open('/?from=now-5m&to=now')
  const chart = page.getByRole('img', { name: 'Load' })
  await expect(chart).toBeVisible()
  await expect(chart).not.toHaveAttribute('data-marks', '0')
})

test('kinds that come very often do not hide the others', async ({ open, server }) => {
  const to = Date.now()
  const many = Array.from({ length: 320 }, (_, i) => ({
    title: `order ${String(i)}`,
    kind: 'order',
    id: `crowd-${String(i)}`,
    source: 'e2e',
    time: to - 1000 - i * 500,
  }))
  await send(server, many)
  // Older than all that a question for the newest 300 gives.
  await send(server, { title: 'shop 3.0', kind: 'deploy', service: 'shop', time: to - 240_000 })
  const page = await open(`/explore?q=node_load1&from=${to - 300_000}&to=${to}`, {
    language: 'en',
    scheme: 'light',
  })
  await expect.poll(() => pointAt(page, /node_load1/, 0.2)).toContain('3.0')
  const chart = page.getByRole('img', { name: /node_load1/ }).first()
  expect(Number(await chart.getAttribute('data-marks'))).toBeLessThan(40)
  const toggle = page.getByRole('button', { name: 'Events', exact: true })
  await expect(toggle).toHaveAttribute('title', /order \(320\)/)
})
