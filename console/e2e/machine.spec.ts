import { expect, test } from './fixtures'

const titles = [
  'CPU',
  'Memory',
  'Network',
  'Disk throughput',
  'Disk utilisation',
  'Load',
  'Pressure',
  'Context switches and interrupts',
]

test('shows this machine live', async ({ open }) => {
  const page = await open('/?from=now-5m&to=now')
  const tile = page.locator('section', { has: page.getByRole('heading', { name: 'Memory' }) }).first()
  await expect(tile.locator('b').first()).toHaveText(/^\d+(\.\d+)?$/)
  for (const title of titles) {
    await expect(page.getByRole('region', { name: title, exact: true }).last()).toBeVisible()
  }
  await expect(page.getByRole('img', { name: 'Load' })).toBeVisible()
  await expect(page.locator('canvas').nth(5)).toBeVisible()
})

test('asks only for the newest end of a window it knows', async ({ open }) => {
  const page = await open('/?from=now-5m&to=now')
  const spans: number[] = []
  page.on('request', (request) => {
    const url = new URL(request.url())
    if (
      !url.pathname.endsWith('/query_range') ||
      !(url.searchParams.get('query') ?? '').includes('node_load')
    )
      return
    spans.push(Number(url.searchParams.get('end')) - Number(url.searchParams.get('start')))
  })
  await expect.poll(() => spans.length).toBeGreaterThan(3)
  expect(Math.min(...spans.slice(2))).toBeLessThan(30)
})

test('lists processes, sorted and filtered', async ({ open }) => {
  const page = await open('/')
  const table = page.getByRole('table', { name: 'Top processes' })
  await expect(table.getByRole('row').nth(1)).toBeVisible()
  await table.getByRole('button', { name: 'Memory' }).click()
  await expect(table.getByRole('columnheader', { name: 'Memory' })).toHaveAttribute('aria-sort', 'descending')
  await page.getByPlaceholder('Filter processes').fill('watchfire')
  await expect(table.getByRole('row').nth(1)).toContainText('watchfire')
  await page.getByPlaceholder('Filter processes').fill('no-such-process')
  await expect(table.getByRole('row')).toHaveCount(1)
})

test('a brush on one chart sets the range of all, and going back undoes it', async ({ open }) => {
  const page = await open('/?from=now-2m&to=now')
  const chart = page.getByRole('img', { name: 'Load' }).locator('.u-over')
  await expect(chart).toBeVisible()
  const box = await chart.boundingBox()
  if (box === null) throw new Error('the chart has no box')
  await page.mouse.move(box.x + box.width * 0.5, box.y + 40)
  await page.mouse.down()
  await page.mouse.move(box.x + box.width * 0.99, box.y + 60, { steps: 6 })
  await page.mouse.up()
  await expect(page).toHaveURL(/from=\d{13}&to=\d{13}/)
  const search = new URL(page.url()).searchParams
  const span = Number(search.get('to')) - Number(search.get('from'))
  expect(span).toBeGreaterThan(50_000)
  expect(span).toBeLessThan(70_000)
  await expect(page.getByRole('button', { name: /Refresh: Fixed range/ })).toBeVisible()
  await chart.dblclick()
  await expect.poll(() => new URL(page.url()).searchParams.get('from')).not.toBe(search.get('from'))
  await page.goBack()
  await page.goBack()
  await expect(page).toHaveURL(/from=now-2m&to=now/)
})

test('one legend entry can be looked at alone', async ({ open }) => {
  const page = await open('/?from=now-5m&to=now')
  const panel = page.getByRole('region', { name: 'Load', exact: true }).last()
  const five = panel.getByRole('button', { name: /^5 min/ })
  await five.click()
  await expect(panel.getByRole('button', { name: /^1 min/ })).toHaveAttribute('aria-pressed', 'false')
  await expect(five).toHaveAttribute('aria-pressed', 'true')
  await five.click()
  await expect(panel.getByRole('button', { name: /^1 min/ })).toHaveAttribute('aria-pressed', 'true')
})

test('a chart opens in Explore with its query', async ({ open }) => {
  const page = await open('/?from=now-5m&to=now')
  await page.getByRole('link', { name: 'CPU: Open in Explore' }).click()
  await expect(page.locator('.cm-content').first()).toContainText('node_cpu_seconds_total')
  await expect(page.locator('canvas').first()).toBeVisible()
})

test('says how to begin when no machine reports', async ({ open, idleServer }) => {
  const page = await open(idleServer.url)
  await expect(page.getByRole('heading', { name: 'No measurements of a machine yet' })).toBeVisible()
  await expect(page.getByText(/watchfire agent --to http/)).toBeVisible()
})
