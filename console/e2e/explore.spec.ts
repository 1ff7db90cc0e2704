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
  await expect(page.locator('.wf-error-mark')).toBeVisible()
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
