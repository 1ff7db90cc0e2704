import type { Page } from '@playwright/test'
import { expect, manySeries, test } from './fixtures'

const editor = (page: Page, index = 0) => page.locator('.cm-content').nth(index)

test('completes metric names, label names and label values from live metadata', async ({ open }) => {
  const page = await open('/explore')
  await editor(page).click()
  await page.keyboard.type('node_load')
  const options = page.locator('.cm-tooltip-autocomplete li')
  await expect(options.filter({ hasText: 'node_load15' })).toBeVisible()
  await page.keyboard.press('Escape')
  await page.keyboard.type('1{')
  await expect(options.filter({ hasText: 'instance' })).toBeVisible()
  await page.keyboard.type('job="')
  await expect(options.filter({ hasText: 'node' }).first()).toBeVisible()
})

test('explains what is under the pointer', async ({ open }) => {
  const page = await open('/explore?q=rate(node_cpu_seconds_total[1m])')
  await page
    .getByText('node_cpu_seconds_total')
    .first()
    .hover({ position: { x: 60, y: 8 } })
  await expect(page.locator('.wf-hover')).toContainText('counter')
  await page.mouse.move(0, 0)
  await page.locator('.cm-content span', { hasText: 'rate' }).first().hover()
  await expect(page.locator('.wf-hover')).toContainText('rate(')
})

test('runs with Enter, draws, and keeps all of it in the address', async ({ open }) => {
  const page = await open('/explore')
  await editor(page).click()
  await page.keyboard.insertText('node_load1')
  await page.keyboard.press('Enter')
  await expect(page).toHaveURL(/q=node_load1/)
  await expect(page.locator('canvas').first()).toBeVisible()
  const legend = page.getByRole('table', { name: 'Series' })
  await expect(legend.getByRole('row').nth(1)).toContainText('node_load1')
  await page.reload()
  await expect(editor(page)).toHaveText('node_load1')
  await expect(page.locator('canvas').first()).toBeVisible()
})

test('several queries: add, hide, duplicate, remove', async ({ open }) => {
  const page = await open('/explore?q=node_load1&q=node_memory_MemFree_bytes')
  await expect(page.locator('.uplot')).toHaveCount(2)
  await page.getByRole('button', { name: 'Query B: Hide this query' }).click()
  await expect(page).toHaveURL(/hide=1/)
  await expect(page.locator('.uplot')).toHaveCount(1)
  await page.getByRole('button', { name: 'Query A: …' }).click()
  await page.getByRole('menuitem', { name: 'Duplicate' }).click()
  await expect(page.locator('.cm-content')).toHaveCount(3)
  await expect(page).toHaveURL(/hide=2/)
  await page.getByRole('button', { name: 'Query C: …' }).click()
  await page.getByRole('menuitem', { name: 'Remove' }).click()
  await expect(page.locator('.cm-content')).toHaveCount(2)
  await expect(page).not.toHaveURL(/hide=/)
})

test('shows an error at its place', async ({ open }) => {
  const page = await open('/explore?q=sum(rate(up)', { allow: /400/ })
  const alert = page.getByRole('alert')
  await expect(alert).toContainText('line 1, column')
  await expect(alert.locator('pre')).toContainText('^')
  await expect(alert).toContainText('close the one at column 4 with )')
  await expect(page.locator('.wf-error-mark')).toBeVisible()
})

test('an error is marked as far as it reaches, with what might be right', async ({ open }) => {
  const page = await open(`/explore?q=${encodeURIComponent('up{a="火"} + rat(x[5m])')}`, { allow: /400/ })
  const alert = page.getByRole('alert')
  await expect(alert.locator('mark')).toHaveText('rat')
  await expect(alert.locator('pre b')).toHaveText('^^^')
  await expect(alert).toContainText('did you mean "rate"?')
  await expect(page.locator('.wf-error-mark')).toHaveText('rat')
})

test('remarks on an answer stand below its query', async ({ open }) => {
  const page = await open('/explore?q=rate(node_memory_MemFree_bytes[1m])')
  await expect(page.getByText(/metric might not be a counter/)).toBeVisible()
})

test('an empty answer says when a pattern was compared exactly', async ({ open }) => {
  const page = await open(`/explore?q=${encodeURIComponent('node_cpu_seconds_total{mode="i.*"}')}`)
  await expect(page.getByText('mode="i.*" compares exactly; a pattern takes =~')).toBeVisible()
})

test('a semantic error names the place and what is wrong', async ({ open }) => {
  const page = await open('/explore?q=sum(rate(node_load1))', { allow: /400/ })
  await expect(page.getByRole('alert')).toContainText(/range vector/)
})

test('tables stay quick with ten thousand rows', async ({ open }) => {
  const page = await open('/explore?view=table&q=last_over_time(e2e_items[1h])')
  const table = page.getByRole('table', { name: 'Table' })
  await expect(page.getByText(`${manySeries} rows`)).toBeVisible()
  await expect(table).toHaveAttribute('aria-rowcount', String(manySeries + 1))
  expect(await table.getByRole('row').count()).toBeLessThan(80)
  await table.getByRole('button', { name: 'Value' }).click()
  await expect(table.getByRole('row').nth(1)).toContainText(String(manySeries - 1))
})

test('the inspector tells what a query cost', async ({ open }) => {
  const page = await open('/explore?q=rate(node_cpu_seconds_total[1m])')
  await expect(page.locator('canvas').first()).toBeVisible()
  await page.getByRole('button', { name: 'Query inspector' }).click()
  const inspector = page.getByRole('region', { name: 'Query inspector' })
  await expect(inspector).toContainText('/api/v1/query_range?query=rate(node_cpu_seconds_total[1m])')
  await expect(inspector).toContainText('Round trip')
  await expect(inspector).toContainText('Samples read')
})

test('the inspector tells how a query was evaluated, and the keyboard walks through it', async ({ open }) => {
  const page = await open('/explore?q=sum by(mode)(rate(node_cpu_seconds_total[1m])) / 2')
  await expect(page.locator('canvas').first()).toBeVisible()
  await page.getByRole('button', { name: 'Query inspector' }).click()
  const plan = page.getByRole('treegrid', { name: 'Plan' })
  const rows = plan.locator('tbody tr')
  await expect(rows).toHaveCount(4)
  await expect(rows.nth(0)).toContainText('… / 2')
  await expect(rows.nth(1)).toContainText('sum by (mode) (…)')
  await expect(rows.nth(3)).toContainText('node_cpu_seconds_total[1m]')
  await rows.nth(0).focus()
  await page.keyboard.press('ArrowDown')
  await expect(rows.nth(1)).toBeFocused()
  await page.keyboard.press('ArrowLeft')
  await expect(rows).toHaveCount(2)
  await expect(rows.nth(1)).toHaveAttribute('aria-expanded', 'false')
  await page.keyboard.press('ArrowRight')
  await expect(rows).toHaveCount(4)
  await expect(page.getByText('sum by (mode) (rate(node_cpu_seconds_total[1m])) / 2').last()).toBeVisible()
})

test('plans are told in Chinese too', async ({ open }) => {
  const page = await open('/explore?q=sum(node_load1 @ end())', { language: 'zh', scheme: 'light' })
  await page.getByRole('button', { name: '查询详情' }).click()
  await expect(page.getByRole('treegrid', { name: '执行计划' })).toContainText('只求值一次：与步长无关')
})

test('native histograms are drawn as a heat map with quantiles', async ({ open }) => {
  const page = await open('/explore?q=rate(e2e_duration_seconds[2m])')
  const panel = page.getByRole('region', { name: /Heat map with quantiles/ })
  await expect(panel.locator('canvas')).toBeVisible()
  const legend = panel.getByRole('table', { name: 'Series' })
  for (const quantile of ['p50', 'p90', 'p99']) await expect(legend).toContainText(quantile)
})

test('completion finds by any part of a name, past what a list can hold', async ({ open }) => {
  const page = await open('/explore')
  const options = page.locator('.cm-tooltip-autocomplete li')
  await editor(page).click()
  await page.keyboard.type('memavail')
  await expect(options.filter({ hasText: 'node_memory_MemAvailable_bytes' })).toBeVisible()
  await page.keyboard.press('Escape')
  await page.keyboard.press('Control+a')
  await page.keyboard.type('e2e_items{item="987')
  await expect(options.filter({ hasText: /^9876$/ })).toBeVisible()
})

test('formats a query', async ({ open }) => {
  const page = await open('/explore?q=sum(rate(node_cpu_seconds_total[1m]))by(mode)')
  await page.getByRole('button', { name: 'Query A: …' }).click()
  await page.getByRole('menuitem', { name: 'Format query' }).click()
  await expect(editor(page)).toContainText('sum by (mode)')
})

test('the metrics browser finds by description and inserts', async ({ open }) => {
  const page = await open('/explore')
  await page.getByRole('button', { name: 'Metrics', exact: true }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByPlaceholder('Search names and descriptions').fill('e2e end-to-end')
  await dialog.getByRole('option').first().click()
  await expect(dialog.getByText('Items of the end-to-end test.').last()).toBeVisible()
  await expect(dialog.getByText('7 values')).toBeVisible()
  await dialog.getByRole('button', { name: 'Insert' }).click()
  await expect(editor(page)).toHaveText('e2e_items')
})

test('examples and history bring queries back', async ({ open }) => {
  const page = await open('/explore')
  await page.getByRole('button', { name: /How much memory is left/ }).click()
  await expect(page).toHaveURL(/node_memory_MemAvailable_bytes/)
  await page.getByRole('button', { name: 'History' }).click()
  await expect(page.getByRole('menuitem', { name: /node_memory_MemAvailable_bytes/ })).toBeVisible()
})

test('JSON is what the server sent', async ({ open }) => {
  const page = await open('/explore?view=raw&q=node_load1')
  await expect(page.locator('pre').first()).toContainText('"resultType": "matrix"')
})
