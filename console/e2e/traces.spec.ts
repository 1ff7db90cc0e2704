import path from 'node:path'
import type { Page } from '@playwright/test'
import { expect, test } from './fixtures'
import { pushLines } from './server'
import { large, odd, pushSpans, shop, visit } from './spans'

const visits = 120
const slowOnes = visits / 10
const failedOnes = visits / 8
const largeSpans = 20_000

const shot = (name: string) => ({ path: path.join('test-results', 'screens', `traces-${name}.png`) })
const editor = (page: Page) => page.locator('.cm-content')
const traceTable = (page: Page) => page.getByRole('table', { name: 'Traces found' })
const spanTable = (page: Page) => page.getByRole('table', { name: 'Spans found' })
const listed = (page: Page) => page.getByRole('region', { name: 'Traces found' }).getByRole('status')
const waterfall = (page: Page) => page.getByRole('treegrid', { name: 'Spans of the trace' })
const detail = (page: Page) => page.getByRole('complementary', { name: 'Details of the span' })
const search = (query: string, more = '') =>
  `/traces?from=now-1h&to=now&refresh=off&q=${encodeURIComponent(query)}${more}`

let slowId = ''
let quickId = ''
let failedId = ''
let largeId = ''
let oddId = ''

test.beforeAll(async ({ server }) => {
  const now = Date.now()
  const spans = shop(7, now - 50 * 60_000, now - 120_000, visits)
  const id = (index: number) => visit(7 + index, 0, { slow: false, failed: false })[0]?.traceId ?? ''
  quickId = id(0)
  slowId = id(3)
  failedId = id(5)
  const big = large(99, now - 90_000, largeSpans)
  largeId = big[0]?.traceId ?? ''
  const strange = odd(5, now - 60_000, quickId)
  oddId = strange[0]?.traceId ?? ''
  await pushSpans(server.url, [...spans, ...strange])
  await pushSpans(server.url, big)
  const failedAt = Number((spans.find(({ traceId }) => traceId === failedId)?.start ?? 0n) / 1_000_000n)
  await pushLines(server.url, { service_name: 'payment' }, [
    { at: failedAt, text: 'charged', attributes: { trace_id: failedId } },
    { at: failedAt, text: 'something else' },
  ])
})

test('an empty store teaches how to send spans, and shows the first trace when it comes', async ({
  open,
  idleServer,
}) => {
  const page = await open(`${idleServer.url}/traces`)
  await expect(page.getByRole('heading', { name: 'No traces yet' })).toBeVisible()
  await expect(page.locator('pre')).toContainText(`OTEL_EXPORTER_OTLP_ENDPOINT=${new URL(page.url()).origin}`)
  await page.getByRole('tab', { name: 'Zipkin' }).click()
  await expect(page.locator('pre')).toContainText('/api/v2/spans')
  await page.getByRole('tab', { name: 'Jaeger' }).click()
  await expect(page.locator('pre')).toContainText('14268')
  await pushSpans(idleServer.url, visit(1, Date.now() - 1000, { slow: false, failed: false }))
  await expect(traceTable(page).getByRole('row').nth(1)).toContainText('front POST /buy')
})

test('controls and TraceQL say the same, and the address keeps it', async ({ open }) => {
  const page = await open('/traces?from=now-1h&to=now&refresh=off')
  await expect(editor(page)).toHaveText('{ }')
  await expect(listed(page)).toHaveText('the latest 100 traces')
  await page.getByRole('combobox', { name: 'Service' }).click()
  await page.getByRole('option', { name: 'payment' }).click()
  await expect(editor(page)).toHaveText('{ resource.service.name = "payment" }')
  await page.getByRole('combobox', { name: 'Status' }).click()
  await page.getByRole('option', { name: 'error' }).click()
  await expect(editor(page)).toHaveText('{ resource.service.name = "payment" && status = error }')
  await expect(listed(page)).toHaveText(`${failedOnes} traces`)
  await expect(page).toHaveURL(/status\+%3D\+error/)
  await page.getByRole('textbox', { name: 'At least' }).fill('500ms')
  await page.keyboard.press('Enter')
  await expect(editor(page)).toHaveText(/duration >= 500ms/)
  await page.goBack()
  await expect(editor(page)).toHaveText('{ resource.service.name = "payment" && status = error }')

  // An attribute, its name and value completed.
  await page.getByRole('button', { name: 'Attribute' }).click()
  await page.getByRole('combobox', { name: 'Name', exact: true }).fill('card')
  await page.getByRole('option', { name: 'span.card.brand' }).click()
  await page.getByRole('combobox', { name: 'Value', exact: true }).click()
  await page.getByRole('option', { name: 'amex' }).click()
  await page.getByRole('button', { name: 'Add', exact: true }).click()
  await expect(editor(page)).toHaveText(/&& span\.card\.brand = "amex" \}/)
  await expect(listed(page)).toHaveText(`${failedOnes} traces`)
  await page.getByRole('button', { name: 'Remove span.card.brand = amex' }).click()
  await expect(editor(page)).not.toHaveText(/card/)
})

test('TraceQL is completed, and a mistake is marked at its place', async ({ open }) => {
  const page = await open('/traces?from=now-1h&to=now&refresh=off', { allow: /400/ })
  await expect(listed(page)).toBeVisible()
  await page.keyboard.press('/')
  await page.keyboard.press('Control+a')
  await page.keyboard.insertText('{ span.')
  await page.keyboard.type('reg')
  await page.locator('.cm-tooltip-autocomplete').getByText('span.region').click()
  await page.keyboard.type(' = ')
  await page.keyboard.press('Control+Space')
  await page.locator('.cm-tooltip-autocomplete').getByText('eu-south').click()
  await expect(editor(page)).toHaveText(/\{ span\.region = "eu-south"/)
  await page.keyboard.press('Control+a')
  await page.keyboard.insertText('{ span.region = "eu-south" && name = "Payment/Charge" }')
  await page.keyboard.press('Enter')
  await expect(listed(page)).toHaveText(`${slowOnes} traces`)

  await page.keyboard.press('Control+a')
  await page.keyboard.insertText('{ nme = "x" }')
  await page.keyboard.press('Enter')
  const alert = page.getByRole('alert')
  await expect(alert).toContainText('there is no nme')
  await expect(alert).toContainText('did you mean name?')
  await expect(alert.locator('mark')).toHaveText('nme')
})

test('structural queries, numbers over time, and the id of a trace', async ({ open }) => {
  const page = await open(search('{ name = "POST /buy" } >> { name = "Payment/Charge" && status = error }'))
  await expect(listed(page)).toHaveText(`${failedOnes} traces`)
  await expect(page.getByText(/more than filters can show/)).toBeVisible()
  await page.goto(
    page.url().replace(/q=.*/, `q=${encodeURIComponent('{ } | rate() by (resource.service.name)')}`),
  )
  await expect(page.getByRole('region', { name: 'Numbers over time' })).toContainText('checkout')
  await page.keyboard.press('/')
  await page.keyboard.press('Control+a')
  await page.keyboard.insertText(slowId)
  await page.keyboard.press('Enter')
  await expect(page).toHaveURL(new RegExp(`/traces/${slowId}`))
  await expect(page.getByRole('heading', { name: 'front POST /buy' })).toBeVisible()
})

test('points are opened, bars narrow the duration, dragging zooms in', async ({ open }) => {
  const page = await open(search('{ name = "Payment/Charge" && status = error }', '&show=spans'))
  await expect(spanTable(page)).toHaveAttribute('aria-rowcount', String(failedOnes + 1))
  const bars = page.getByRole('list', { name: 'How often which duration' })
  const slow = bars.getByRole('button').filter({ visible: true }).and(page.locator(':enabled')).first()
  await slow.click()
  await expect(editor(page)).toHaveText(/duration >= .+ && duration < /)
  const rows = Number(await spanTable(page).getAttribute('aria-rowcount'))
  expect(rows).toBeLessThan(failedOnes + 1)
  await page.goBack()
  await expect(spanTable(page)).toHaveAttribute('aria-rowcount', String(failedOnes + 1))

  const over = page.getByRole('region', { name: 'Durations over time' }).locator('.u-over')
  const box = await over.boundingBox()
  if (box === null) throw new Error('the scatter has no box')
  await page.mouse.move(box.x + box.width * 0.4, box.y + 20)
  await page.mouse.down()
  await page.mouse.move(box.x + box.width * 0.7, box.y + 40, { steps: 6 })
  await page.mouse.up()
  await expect(page).toHaveURL(/from=\d{13}&to=\d{13}/)
  await expect(spanTable(page)).not.toHaveAttribute('aria-rowcount', String(failedOnes + 1))

  await page.goto(new URL(search(`{ trace:id = "${slowId}" }`), page.url()).href)
  await expect(listed(page)).toHaveText('1 trace')
  const place = await over.boundingBox()
  if (place === null) throw new Error('the scatter has no box')
  // Walk over the plot until a point answers.
  let opened = false
  for (let x = 0; x < place.width && !opened; x += 12) {
    for (let y = 6; y < place.height && !opened; y += 14) {
      await page.mouse.move(place.x + x, place.y + y)
      if ((await over.evaluate((node: HTMLElement) => node.style.cursor)) !== 'pointer') continue
      await page.mouse.click(place.x + x, place.y + y)
      opened = true
    }
  }
  await expect(page).toHaveURL(new RegExp(`/traces/${slowId}`))
})

test('the list is sorted, goes on, and is walked by the keyboard', async ({ open }) => {
  const page = await open('/traces?from=now-1h&to=now&refresh=off')
  await expect(listed(page)).toHaveText('the latest 100 traces')
  await page.getByRole('button', { name: 'Load 100 more' }).click()
  await expect(listed(page)).toHaveText(`${visits + 2} traces`)
  await traceTable(page).getByRole('button', { name: 'Duration' }).click()
  await expect(page).toHaveURL(/sort=-duration/)
  await expect(traceTable(page).getByRole('row').nth(1)).toContainText('planner nightly build')
  await expect(traceTable(page).getByRole('row').nth(1)).toContainText('20,000')
  await page.keyboard.press('j')
  await page.keyboard.press('j')
  await page.keyboard.press('k')
  await page.keyboard.press('o')
  await expect(page).toHaveURL(new RegExp(`/traces/${largeId}`))
})

test('new traces join while the range ends now', async ({ open, server }) => {
  const page = await open(`/traces?from=now-5m&to=now&q=${encodeURIComponent('{ name = "joined late" }')}`)
  await expect(page.getByRole('heading', { name: 'No traces match in this range' })).toBeVisible()
  const [span] = visit(99_001, Date.now() - 1000, { slow: false, failed: false })
  if (span === undefined) throw new Error('a visit has spans')
  await pushSpans(server.url, [{ ...span, name: 'joined late' }])
  await expect(traceTable(page).getByRole('row').nth(1)).toContainText('joined late')
})

test('a trace is a waterfall with its critical path, details, and ways to other signals', async ({
  open,
}) => {
  const page = await open(`/traces/${failedId}`)
  const rows = waterfall(page).getByRole('row')
  await expect(rows).toHaveCount(10)
  await expect(page.getByText('Levels')).toBeVisible()
  await waterfall(page).getByText('Payment/Charge').click()
  await expect(detail(page)).toContainText('card refused')
  await expect(detail(page)).toContainText('exception.stacktrace')
  await expect(detail(page)).toContainText('at charge (payment.js:42:7)')
  await expect(detail(page)).toContainText('On critical path')
  await expect(page).toHaveURL(/span=[0-9a-f]{16}/)
  await page.reload()
  await expect(detail(page)).toContainText('card refused')

  await detail(page).getByRole('link', { name: 'Logs of the trace' }).click()
  await expect(page.getByRole('table', { name: 'Log lines' })).toContainText('charged')
  await expect(page.getByRole('table', { name: 'Log lines' })).not.toContainText('something else')
  await page.goBack()
  await detail(page).getByRole('link', { name: 'Metrics of the operation' }).click()
  await expect(page).toHaveURL(/explore.*traces_spanmetrics_calls_total/)
  await page.goBack()
  const brand = detail(page).getByRole('row').filter({ hasText: 'card.brand' })
  await brand.hover()
  await brand.getByRole('link', { name: 'Traces with card.brand = amex' }).click()
  await expect(editor(page)).toHaveText('{ span.card.brand = "amex" }')
})

test('the waterfall is walked, folded, searched and zoomed by the keyboard', async ({ open }) => {
  const page = await open(`/traces/${failedId}`)
  const rows = waterfall(page).getByRole('row')
  const chosen = waterfall(page).locator('[aria-selected="true"]')
  await expect(rows).toHaveCount(10)
  await page.keyboard.press('j')
  await expect(chosen).toContainText('POST /buy')
  await page.keyboard.press('ArrowRight')
  await page.keyboard.press('ArrowDown')
  await expect(chosen).toContainText('Checkout/Buy')
  await page.keyboard.press('ArrowLeft')
  await expect(rows).toHaveCount(3)
  await expect(chosen).toHaveAttribute('aria-expanded', 'false')
  await page.keyboard.press('Enter')
  await expect(rows).toHaveCount(10)

  await page.keyboard.press('/')
  await page.keyboard.type('kafka')
  await expect(page.getByText(/2 found/)).toBeVisible()
  await page.keyboard.press('Enter')
  await expect(chosen).toContainText('orders publish')
  await page.getByRole('button', { name: 'Only these' }).click()
  await expect(rows).toHaveCount(5)
  await waterfall(page).focus()
  await page.keyboard.press('n')
  await expect(chosen).toContainText('orders process')
  await page.keyboard.press('N')
  await expect(chosen).toContainText('orders publish')
  await page.keyboard.press('z')
  await expect(page).toHaveURL(/zoom=\d+-\d+/)
  await page.keyboard.press('0')
  await expect(page).not.toHaveURL(/zoom=/)
  await page.keyboard.press('c')
  await expect(page).toHaveURL(/path=0/)
  await page.keyboard.press('x')
  await expect(detail(page)).toBeHidden()
})

test('dragging over the minimap shows a part of the time', async ({ open }) => {
  const page = await open(`/traces/${largeId}`)
  const map = page.getByRole('img', { name: /All spans over/ })
  const box = await map.boundingBox()
  if (box === null) throw new Error('the minimap has no box')
  await page.mouse.move(box.x + box.width * 0.25, box.y + 20)
  await page.mouse.down()
  await page.mouse.move(box.x + box.width * 0.5, box.y + 20, { steps: 4 })
  await page.mouse.up()
  await expect(page).toHaveURL(/zoom=\d+-\d+/)
  const [from = 0, to = 0] = (new URL(page.url()).searchParams.get('zoom') ?? '').split('-').map(Number)
  expect(from / 1e9).toBeCloseTo(5, 0)
  expect(to / 1e9).toBeCloseTo(10, 0)
  await map.dblclick()
  await expect(page).not.toHaveURL(/zoom=/)
})

test('twenty thousand spans are drawn in part, found and reached', async ({ open }) => {
  const page = await open(`/traces/${largeId}`)
  await expect(waterfall(page)).toHaveAttribute('aria-rowcount', String(largeSpans))
  expect(await waterfall(page).getByRole('row').count()).toBeLessThan(100)
  await waterfall(page).focus()
  await page.keyboard.press('End')
  await expect(waterfall(page).locator('[aria-selected="true"]')).toBeVisible()
  await page.keyboard.press('/')
  await page.keyboard.insertText('lost the shard')
  await expect(page.getByText('20 found')).toBeVisible()
  await page.keyboard.press('Enter')
  await expect(detail(page)).toContainText('lost the shard')
  await page.getByRole('button', { name: 'Fold', exact: true }).click()
  await page.getByRole('menuitem', { name: 'First level' }).click()
  await expect(waterfall(page).locator('[aria-level="2"]').first()).toBeVisible()
  await expect(waterfall(page).locator('[aria-level="3"]')).toHaveCount(0)
  await expect(waterfall(page).locator('[aria-selected="true"]')).toBeVisible()
})

test('what is odd about spans is told, in both languages', async ({ open }) => {
  const page = await open(`/traces/${oddId}`, { language: 'zh', scheme: 'light' })
  await expect(page.getByRole('treegrid').getByRole('row')).toHaveCount(4)
  await page.getByText('of no parent').click()
  const aside = page.getByRole('complementary', { name: '跨度详情' })
  await expect(aside).toContainText('此跨度的父跨度不在')
  await page.getByText('behind the clock').click()
  await expect(aside).toContainText('时钟偏差')
  await page.getByText('GET /odd').last().click()
  await expect(aside).toContainText('此跨度收到了 2 次')
  await aside.getByRole('link', { name: quickId }).click()
  await expect(page).toHaveURL(new RegExp(`/traces/${quickId}`))
})

test('a trace that is not there says why that may be', async ({ open }) => {
  const page = await open('/traces/00000000000000000000000000000001', { allow: /404/ })
  await expect(page.getByRole('heading', { name: 'There is no such trace' })).toBeVisible()
  await expect(page.getByText(/traces\.retention/)).toBeVisible()
})

test('two traces are compared as one tree', async ({ open }) => {
  const page = await open(`/traces/compare?from=now-1h&to=now&refresh=off&a=${quickId}`)
  const others = page.getByRole('table', { name: /same root/ })
  await others.getByRole('row').filter({ hasText: slowId }).click()
  await expect(page).toHaveURL(new RegExp(`b=${slowId}`))
  const diff = page.getByRole('treegrid', { name: 'Paths of both traces' })
  const charge = diff.getByRole('row').filter({ hasText: 'Payment/Charge' })
  await expect(charge).toHaveAttribute('data-state', 'slower')
  await expect(diff.getByRole('row').filter({ hasText: 'SELECT stock' })).toContainText('×3')
  await page.getByLabel('Only what differs').check()
  await expect(diff).not.toContainText('SELECT stock')
  await page.getByRole('button', { name: 'Exchange' }).click()
  await expect(charge).toHaveAttribute('data-state', 'faster')
  await page.goto(new URL(`/traces/compare?a=${quickId}&b=${oddId}`, page.url()).href)
  await expect(diff.getByRole('row').filter({ hasText: 'Payment/Charge' })).toHaveAttribute(
    'data-state',
    'missing',
  )
  await expect(diff.getByRole('row').filter({ hasText: 'behind the clock' })).toHaveAttribute(
    'data-state',
    'added',
  )
})

test('what sets slow and failed spans apart is told by their attributes', async ({ open }) => {
  const page = await open(search('{ name = "Payment/Charge" }', '&show=spans'))
  await expect(spanTable(page)).toBeVisible()
  await page.getByRole('button', { name: 'What sets apart…' }).click()
  await page.getByRole('menuitem', { name: /took .+ or longer/ }).click()
  await expect(page.getByRole('main').getByRole('status')).toContainText(
    `of ${visits} spans match the filter`,
  )
  const first = page
    .getByRole('list', { name: /Attributes, the most telling first/ })
    .locator('> li')
    .first()
  await expect(first).toContainText('span.region')
  await expect(first).toContainText('eu-south')
  await page.goBack()
  await page.getByRole('button', { name: 'What sets apart…' }).click()
  await page.getByRole('menuitem', { name: 'spans that failed' }).click()
  await expect(page.getByRole('main').getByRole('status')).toContainText(`${failedOnes} of ${visits}`)
  const brand = page.getByRole('listitem', { name: 'span.card.brand' })
  await expect(brand).toContainText('100%')
  await brand.getByText('amex').hover()
  await brand.getByRole('link', { name: 'Spans with span.card.brand = amex' }).click()
  await expect(editor(page)).toHaveText(/status = error && span\.card\.brand = "amex"/)
})

test('the screens speak Chinese on light ground', async ({ open }) => {
  const page = await open('/traces?from=now-1h&to=now&refresh=off', { language: 'zh', scheme: 'light' })
  const found = page.getByRole('region', { name: '找到的链路' })
  await expect(found.getByRole('status')).toHaveText('最新的 100 条链路')
  await expect(page.getByRole('combobox', { name: '服务' })).toBeVisible()
  await expect(page.getByText(/整个时间段共匹配/)).toBeVisible()
  await page.screenshot(shot('search-light-zh'))
  await page.getByRole('link', { name: '对比', exact: true }).click()
  await expect(page.getByRole('heading', { name: '选择两条链路' })).toBeVisible()
  await page.getByText('两组跨度').click()
  await expect(page.getByRole('list', { name: '属性，区分度最高的在前' })).toBeVisible()
  await page.screenshot(shot('groups-light-zh'))
  await page.getByRole('button', { name: '语言' }).click()
  await page.getByRole('menuitem', { name: 'English' }).click()
  await expect(page.getByRole('list', { name: 'Attributes, the most telling first' })).toBeVisible()
})

test('a line of Logs and the palette lead to the trace', async ({ open }) => {
  const page = await open(
    `/logs?from=now-2h&to=now&refresh=off&q=${encodeURIComponent('{service_name="payment"} |= "charged"')}`,
  )
  await page.getByRole('table', { name: 'Log lines' }).getByText('charged').click()
  await page
    .getByRole('region', { name: 'Details of the line' })
    .getByRole('link', { name: failedId })
    .click()
  await expect(page).toHaveURL(new RegExp(`/traces/${failedId}`))
  await page.keyboard.press('Control+k')
  await page.getByPlaceholder(/Go to a screen/).fill(slowId)
  await page.getByRole('option', { name: `Open trace ${slowId}` }).click()
  await expect(page).toHaveURL(new RegExp(`/traces/${slowId}`))
})
