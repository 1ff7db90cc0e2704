import { readFile } from 'node:fs/promises'
import path from 'node:path'
import type { Page } from '@playwright/test'
import { expect, test } from './fixtures'
import { pushLines } from './server'

const shedLines = 2000
const needles = 7
const errors = shedLines / 10

const editor = (page: Page) => page.locator('.cm-content')
const table = (page: Page) => page.getByRole('table', { name: 'Log lines' })
const status = (page: Page) => page.getByRole('main').getByRole('status')
const rows = (page: Page) =>
  table(page)
    .getByRole('row')
    .filter({ has: page.locator('time') })
const address = (query: string, more = '') =>
  `/logs?from=now-1h&to=now&refresh=off&q=${encodeURIComponent(query)}${more}`

/** When the lines were pushed; they lie between 50 and 5 minutes before. */
let pushedAt = 0

test.beforeAll(async ({ server }) => {
  pushedAt = Date.now()
  const now = pushedAt
  const at = (i: number, of: number) => now - 50 * 60_000 + Math.floor((i * 45 * 60_000) / of)
  await pushLines(
    server.url,
    { service_name: 'shed', host: 'web-1' },
    Array.from({ length: shedLines }, (_, i) => ({
      at: at(i, shedLines),
      text: JSON.stringify({ method: i % 4 === 0 ? 'POST' : 'GET', status: i % 10 === 0 ? 500 : 200, n: i }),
      attributes: { level: i % 10 === 0 ? 'error' : 'info', request_id: `r-${i}` },
    })),
  )
  await pushLines(
    server.url,
    { service_name: 'gateway', host: 'web-2' },
    Array.from({ length: 300 }, (_, i) => ({
      at: at(i, 300),
      text: i < needles ? `connection to the needle ${i} refused` : `level=info msg="answered" n=${i}`,
    })),
  )
})

test('an empty store teaches how to send logs, and shows the first line when it comes', async ({
  open,
  idleServer,
}) => {
  const page = await open(`${idleServer.url}/logs`)
  await expect(page.getByRole('heading', { name: 'No logs yet' })).toBeVisible()
  await expect(page.locator('pre')).toContainText(`${new URL(page.url()).origin}/loki/api/v1/push`)
  await page.getByRole('tab', { name: 'OpenTelemetry' }).click()
  await expect(page.locator('pre')).toContainText('otlphttp')
  await pushLines(idleServer.url, { service_name: 'hello' }, [{ at: Date.now(), text: 'the first line' }])
  await expect(rows(page).first()).toContainText('the first line')
})

test('plain words are searched for in all lines, and marked', async ({ open }) => {
  const page = await open('/logs?from=now-1h&to=now&refresh=off')
  await expect(editor(page)).toHaveText('{service_name=~".+"}')
  await page.keyboard.press('/')
  await page.keyboard.press('Control+a')
  await page.keyboard.insertText('the needle')
  await page.keyboard.press('Enter')
  await expect(editor(page)).toHaveText('{service_name=~".+"} |= "the needle"')
  await expect(page).toHaveURL(/q=%7Bservice_name/)
  await expect(status(page)).toHaveText(`${needles} lines`)
  await expect(rows(page)).toHaveCount(needles)
  await expect(rows(page).first().locator('mark')).toHaveText('the needle')
  await page.goBack()
  await expect(editor(page)).toHaveText('{service_name=~".+"}')
})

test('counts lines by level; a level can be seen alone, and a brush zooms in', async ({ open }) => {
  const page = await open(address('{service_name="shed"}'))
  const histogram = page.getByRole('region', { name: 'Lines over time' })
  await expect(histogram.getByRole('button', { name: `error ${errors}` })).toBeVisible()
  await expect(histogram.getByRole('button', { name: /^info 1\.8k/ })).toBeVisible()
  await histogram.getByRole('button', { name: /^error/ }).click()
  await expect(editor(page)).toHaveText('{service_name="shed"} | detected_level="error"')
  await expect(status(page)).toHaveText(`${errors} lines`)

  const chart = histogram.locator('.u-over')
  const box = await chart.boundingBox()
  if (box === null) throw new Error('the chart has no box')
  await page.mouse.move(box.x + box.width * 0.3, box.y + 30)
  await page.mouse.down()
  await page.mouse.move(box.x + box.width * 0.6, box.y + 50, { steps: 6 })
  await page.mouse.up()
  await expect(page).toHaveURL(/from=\d{13}&to=\d{13}/)
  const search = new URL(page.url()).searchParams
  const span = Number(search.get('to')) - Number(search.get('from'))
  expect(span).toBeGreaterThan(16 * 60_000)
  expect(span).toBeLessThan(20 * 60_000)
  await expect(status(page)).not.toHaveText(`${errors} lines`)
})

test('a line opens to its fields; a click filters for a value or out of it', async ({ open }) => {
  const page = await open(address('{service_name=~"shed|gateway"}'))
  await rows(page).first().click()
  const detail = page.getByRole('region', { name: 'Details of the line' })
  await expect(detail).toContainText('Labels of the stream')
  await detail.getByRole('button', { name: 'Filter for service_name=shed' }).click()
  await expect(editor(page)).toHaveText('{service_name="shed"}')
  await detail.getByRole('button', { name: 'Filter out level=info' }).click()
  await expect(editor(page)).toHaveText('{service_name="shed"} | level!="info"')
  await expect(status(page)).toHaveText(`${errors} lines`)
  // A field within the text of the line: the query learns to read it first.
  await rows(page).first().click()
  await detail.getByRole('button', { name: 'Filter for status=500' }).click()
  await expect(editor(page)).toHaveText('{service_name="shed"} | json | level!="info" | status="500"')
  await expect(status(page)).toHaveText(`${errors} lines`)
})

test('the sidebar counts values over the whole range, and fields become columns', async ({ open }) => {
  const page = await open(address('{service_name="shed"}'))
  await page.getByRole('button', { name: 'Read fields from JSON' }).click()
  await expect(editor(page)).toHaveText('{service_name="shed"} | json')
  const fields = page.getByRole('complementary', { name: 'Fields' })
  await fields.getByRole('button', { name: 'method', exact: true }).click()
  await expect(fields).toContainText('GET')
  await expect(fields).toContainText('1.5k · 75%')
  await fields.getByRole('button', { name: 'Show method as a column' }).click()
  await expect(page).toHaveURL(/col=method/)
  await expect(table(page).getByRole('columnheader', { name: /method/ })).toBeVisible()
  await expect(rows(page).first().getByRole('cell').nth(1)).toHaveText(/GET|POST/)
  await rows(page).first().getByRole('cell').nth(1).hover()
  await rows(page)
    .first()
    .getByRole('button', { name: /^Filter out method=/ })
    .click()
  await expect(editor(page)).toHaveText(/\| method!="(GET|POST)"/)
  await page.getByPlaceholder('Search fields').fill('request')
  await fields.getByRole('button', { name: /^request_id/ }).click()
  await expect(fields.getByText(/Most frequent/)).toBeVisible()
})

test('a page is drawn in part, and further lines come as one scrolls', async ({ open }) => {
  const page = await open(address('{service_name="shed"}'))
  await expect(table(page)).toHaveAttribute('aria-rowcount', '1000')
  expect(await rows(page).count()).toBeLessThan(120)
  await table(page).evaluate((node) => node.scrollTo(0, node.scrollHeight))
  await expect(table(page)).toHaveAttribute('aria-rowcount', String(shedLines))
  await table(page).evaluate((node) => node.scrollTo(0, node.scrollHeight))
  await expect(page.getByText(/The range begins here/)).toBeVisible()
  await expect(rows(page).last()).toContainText('"n":0')
  await page.getByRole('button', { name: 'Newest first' }).click()
  await expect(page).toHaveURL(/order=oldest/)
  await expect(rows(page).first()).toContainText('"n":0')
})

test('a click on the histogram leads to its moment, however far from the newest line', async ({ open }) => {
  const page = await open(address('{service_name="shed"}'))
  await expect(rows(page).first()).toContainText('"n":1999')
  const over = page.getByRole('region', { name: 'Lines over time' }).locator('.u-over')
  const box = await over.boundingBox()
  if (box === null) throw new Error('the chart has no box')
  await over.click({ position: { x: box.width / 2, y: 30 } })
  await expect(page).toHaveURL(/line=\d{19}-/)
  const moment = Number(new URL(page.url()).searchParams.get('line')?.slice(0, 13))
  const nearest = Math.floor(((moment - pushedAt + 50 * 60_000) / (45 * 60_000)) * shedLines)
  await expect(rows(page).filter({ hasText: `"n":${nearest}}` })).toBeInViewport()
  await page.getByRole('button', { name: 'Load newer lines' }).click()
  await page.getByRole('button', { name: 'Back to the newest' }).click()
  await expect(rows(page).first()).toContainText('"n":1999')
})

test('shows what surrounds a line', async ({ open }) => {
  const page = await open(address('{service_name="shed"} |= "1234"'))
  await expect(rows(page)).toHaveCount(1)
  await page.keyboard.press('j')
  await page.keyboard.press('c')
  const dialog = page.getByRole('dialog')
  const lines = dialog.getByRole('listitem')
  await expect(lines).toHaveCount(41)
  await expect(dialog.locator('[aria-current=true]')).toContainText('1234')
  await expect(lines.nth(19)).toContainText('1233')
  await expect(lines.nth(21)).toContainText('1235')
  await dialog.getByRole('button', { name: 'More' }).first().click()
  await expect(lines).toHaveCount(61)
  await dialog.getByRole('button', { name: 'service_name=shed' }).click()
  await expect(dialog.getByRole('button', { name: 'host=web-1' })).toBeDisabled()
})

test('a link leads to a line among many', async ({ open, context }) => {
  await context.grantPermissions(['clipboard-read', 'clipboard-write'])
  const page = await open(address('{service_name="shed"} |= "n\\":1017}"'))
  await rows(page).first().click()
  await page.getByRole('button', { name: 'Copy link to this line' }).click()
  await expect(page.getByText('Link copied')).toBeVisible()
  const link = await page.evaluate(() => navigator.clipboard.readText())
  const target = new URL(link)
  expect(target.searchParams.get('line')).toMatch(/^\d{19}-/)
  target.searchParams.set('q', '{service_name="shed"}')
  await page.goto(target.href)
  const row = table(page).locator('[aria-selected=true]')
  await expect(row).toContainText('1017')
  await expect(row).toBeInViewport()
  await expect(page.getByRole('region', { name: 'Details of the line' })).toContainText('r-1017')
})

test('follows lines as they come, with a pause that counts what it drops', async ({ open, server }) => {
  const page = await open('/logs?q=%7Bservice_name%3D%22tailed%22%7D')
  const push = (texts: string[]) =>
    pushLines(
      server.url,
      { service_name: 'tailed' },
      texts.map((text) => ({ at: Date.now(), text })),
    )
  await page.getByRole('button', { name: 'Live tail' }).click()
  await expect(page).toHaveURL(/tail=1/)
  await expect(page.getByText('Following')).toBeVisible()
  await push(['first', 'second'])
  await expect(rows(page)).toHaveCount(2)
  await expect(rows(page).first()).toContainText('second')
  await expect(page.getByText('2 received')).toBeVisible()
  await page.getByRole('button', { name: 'Pause' }).click()
  await push(Array.from({ length: 5600 }, (_, i) => `burst ${i}`))
  await expect(page.getByText('5,602 received')).toBeVisible()
  await expect(page.getByText('5,000 waiting')).toBeVisible()
  await expect(page.getByText('600 dropped')).toBeVisible()
  await expect(rows(page)).toHaveCount(2)
  await page.keyboard.press('p')
  await expect(rows(page).first()).toContainText('burst 5599')
  await expect(table(page)).toHaveAttribute('aria-rowcount', '5000')
  await page.getByRole('button', { name: 'Stop live tail' }).click()
  await expect(page).not.toHaveURL(/tail=1/)
})

test('lines that come while one reads older ones wait to be asked for', async ({ open, server }) => {
  const stream = { service_name: 'growing' }
  const of = (count: number, word: string) =>
    Array.from({ length: count }, (_, i) => ({ at: Date.now() - 1000, text: `${word} ${i}` }))
  await pushLines(server.url, stream, of(200, 'old'))
  const page = await open('/logs?from=now-5m&to=now&q=%7Bservice_name%3D%22growing%22%7D')
  await expect(rows(page).first()).toContainText('old 199')
  await pushLines(server.url, stream, of(3, 'fresh'))
  await expect(rows(page).first()).toContainText('fresh 2')
  await table(page).evaluate((node) => node.scrollTo(0, 900))
  await pushLines(server.url, stream, of(4, 'newer'))
  await page.getByRole('button', { name: '4 new lines' }).click()
  await expect(rows(page).first()).toContainText('newer 3')
})

test('exports what is shown, and the whole range', async ({ open }) => {
  const page = await open(address('{service_name="shed"}', '&col=request_id'))
  await expect(rows(page).first()).toBeVisible()
  const download = async (item: RegExp) => {
    const [file] = await Promise.all([
      page.waitForEvent('download'),
      page
        .getByRole('button', { name: 'Export' })
        .click()
        .then(() => page.getByRole('menuitem', { name: item }).click()),
    ])
    return { name: file.suggestedFilename(), text: await readFile(await file.path(), 'utf8') }
  }
  const csv = await download(/Loaded lines, CSV/)
  expect(csv.name).toMatch(/^logs-.*\.csv$/)
  const table = csv.text.trimEnd().split('\r\n')
  expect(table[0]).toBe('time,level,request_id,line')
  expect(table).toHaveLength(1001)
  expect(table[1]).toContain('r-1999')
  const ndjson = await download(/whole range, NDJSON/)
  const documents = ndjson.text.trimEnd().split('\n')
  expect(documents).toHaveLength(shedLines)
  expect(JSON.parse(documents.at(-1) ?? '')).toMatchObject({
    level: 'error',
    stream: { service_name: 'shed', host: 'web-1' },
    attributes: { request_id: 'r-0' },
  })
})

test('completes labels, values, stages and fields', async ({ open }) => {
  const page = await open('/logs?from=now-1h&to=now&refresh=off')
  const options = page.locator('.cm-tooltip-autocomplete li')
  await editor(page).click()
  await page.keyboard.press('Control+a')
  await page.keyboard.type('{serv')
  await expect(options.filter({ hasText: 'service_name' })).toBeVisible()
  await page.keyboard.press('Escape')
  await page.keyboard.type('ice_name="')
  await expect(options.filter({ hasText: 'gateway' })).toBeVisible()
  await page.keyboard.type('sh')
  await expect(options.first()).toHaveText(/shed/)
  await page.keyboard.press('Enter')
  await expect(editor(page)).toHaveText('{service_name="shed"}')
  await page.keyboard.press('End')
  await page.keyboard.type(' | ')
  await expect(options.filter({ hasText: 'logfmt' })).toBeVisible()
  await page.keyboard.type('level="')
  // The most frequent first, with how often they come.
  await expect(options.first()).toContainText('info')
  await expect(options.first()).toContainText('1,800')
})

test('a wrong query is marked at its place', async ({ open }) => {
  const page = await open(address('{service_name="shed"} |= needle'), { allow: /400/ })
  const alert = page.getByRole('alert')
  await expect(alert).toContainText('line 1, column 26')
  await expect(alert.locator('pre')).toContainText('^')
  await expect(page.locator('.wf-error-mark')).toHaveText('needle')
})

test('a live tail, too, says where its query is wrong', async ({ open }) => {
  const page = await open(address('{service_name="shed"} |= needle', '&tail=1'), { allow: /400/ })
  await expect(page.getByRole('alert')).toContainText('line 1, column 26')
  await expect(page.locator('.wf-error-mark')).toHaveText('needle')
})

test('a query for numbers is drawn', async ({ open }) => {
  const page = await open(address('sum by (host) (count_over_time({service_name=~".+"}[5m]))'))
  await expect(page.locator('canvas').first()).toBeVisible()
  await expect(page.getByRole('button', { name: /host="web-1"/ })).toBeVisible()
})

test('the inspector tells what became of the lines at each stage', async ({ open }) => {
  const page = await open(address('{service_name="shed"} | json | status >= 500'))
  await page.getByRole('button', { name: 'Query inspector' }).click()
  const nodes = page.getByRole('treegrid', { name: 'Plan' }).locator('tbody tr')
  await expect(nodes).toHaveCount(4)
  await expect(nodes.nth(1)).toContainText('{service_name="shed"}')
  await expect(nodes.nth(3)).toContainText('| status >= 500')
  await expect(page.getByRole('columnheader', { name: 'Lines' })).toBeVisible()
  const numbers = await open(address('sum(count_over_time({service_name=~".+"} |= "needle" [5m])) / 2'))
  await numbers.getByRole('button', { name: 'Query inspector' }).click()
  const parts = numbers.getByRole('treegrid', { name: 'Plan' }).locator('tbody tr')
  await expect(parts.first()).toContainText('… / 2')
  await expect(parts.last()).toContainText('done by the store while it reads')
})

test('searches are kept by name', async ({ open }) => {
  const page = await open(address('{service_name="shed"} |= "POST"', '&col=request_id&view=wrap'))
  await page.getByRole('button', { name: 'Saved searches' }).click()
  await page.getByRole('textbox', { name: 'Name' }).fill('posts of the shed')
  await page.getByRole('button', { name: 'Save this search' }).click()
  await page.goto(new URL(address('{service_name="gateway"}'), page.url()).href)
  await page.getByRole('button', { name: 'Saved searches' }).click()
  await page.getByRole('menuitem', { name: /posts of the shed/ }).click()
  await expect(editor(page)).toHaveText('{service_name="shed"} |= "POST"')
  await expect(page).toHaveURL(/col=request_id/)
  await expect(page).toHaveURL(/view=wrap/)
})

test('views change with a key; text that is selected can be left out', async ({ open }) => {
  const page = await open(address('{service_name="gateway"} |= "needle"'))
  await expect(rows(page)).toHaveCount(needles)
  await page.keyboard.press('w')
  await expect(page).toHaveURL(/view=wrap/)
  await page.keyboard.press('f')
  await expect(page.getByRole('complementary', { name: 'Fields' })).toHaveCount(0)
  await page.keyboard.press('f')
  await rows(page)
    .first()
    .locator('code')
    .dblclick({ position: { x: 30, y: 8 } })
  await page.getByRole('button', { name: 'Lines without it' }).click()
  await expect(editor(page)).toHaveText('{service_name="gateway"} |= "needle" != "connection"')
  await expect(page.getByRole('heading', { name: 'No lines match in this range' })).toBeVisible()
})

test('speaks Chinese in the dark', async ({ open }) => {
  const page = await open(address('{service_name="shed"}'), { language: 'zh', scheme: 'dark' })
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('日志')
  await expect(page.getByRole('button', { name: '实时跟踪' })).toBeVisible()
  await expect(page.getByRole('button', { name: /^错误 200/ })).toBeVisible()
  await page
    .getByRole('row')
    .filter({ has: page.locator('time') })
    .first()
    .click()
  await expect(page.getByText('流标签').last()).toBeVisible()
  await page.screenshot({ path: path.join('test-results', 'screens', 'logs-lines-zh-dark.png') })
})
