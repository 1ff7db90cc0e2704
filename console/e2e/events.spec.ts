import type { Page } from '@playwright/test'
import { expect, test } from './fixtures'
import type { RunningServer } from './server'

async function send(server: RunningServer, event: Record<string, unknown>): Promise<void> {
  const answer = await fetch(`${server.url}/api/v1/events`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(event),
  })
  if (!answer.ok) throw new Error(await answer.text())
}

/** Moves the pointer along a chart until its tooltip tells of an event. */
async function pointAtMark(page: Page, name: string | RegExp): Promise<string> {
  const chart = page.getByRole('img', { name }).first()
  const box = await chart.locator('.u-over').boundingBox()
  if (box === null) throw new Error('the chart has no box')
  for (let x = 2; x < box.width; x += 3) {
    await page.mouse.move(box.x + x, box.y + box.height / 2)
    const told = chart.locator('[data-event="deploy"]')
    if ((await told.count()) > 0 && (await told.first().isVisible())) return await told.first().innerText()
  }
  return ''
}

for (const [language, scheme, toggle] of [
  ['en', 'dark', 'Events'],
  ['zh', 'light', '事件'],
] as const) {
  test(`charts mark events and say what they are (${language}, ${scheme})`, async ({ open, server }) => {
    await send(server, {
      title: `shop ${language} 2.0`,
      kind: 'deploy',
      service: 'shop',
      result: 'ok',
      time: Date.now() - 60_000,
      duration: 20,
    })
    const page = await open('/explore?q=node_load1&from=now-5m&to=now', { language, scheme })
    const chart = page.getByRole('img', { name: /node_load1/ }).first()
    await expect(chart).toBeVisible()
    await expect(chart).not.toHaveAttribute('data-marks', '0')
    expect(await pointAtMark(page, /node_load1/)).toContain('2.0')
    await page.getByRole('button', { name: toggle, exact: true }).click()
    await expect(chart).toHaveAttribute('data-marks', '0')
    expect(await pointAtMark(page, /node_load1/)).toBe('')
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
