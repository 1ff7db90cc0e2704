import path from 'node:path'
import type { Page } from '@playwright/test'
import {
  fullEvent,
  idOf,
  missingPrice,
  pythonEvent,
  sendEnvelope,
  sendErrors,
  sendLogException,
  session,
} from './errors'
import { expect, test } from './fixtures'
import { pushLines, type RunningServer } from './server'
import { pushSpans, visit } from './spans'

const shot = (name: string) => ({ path: path.join('test-results', 'screens', `errors-${name}.png`) })
const inbox = (more = '') => `/errors?from=now-24h&to=now&refresh=off${more}`
const list = (page: Page, name = 'Issues found') => page.getByRole('list', { name })
const row = (page: Page, text: string) => list(page).getByRole('listitem').filter({ hasText: text })
const current = (page: Page) => list(page).locator('[aria-current="true"]')
const status = (page: Page) => page.getByRole('region', { name: 'Issues found' }).getByRole('status')

const hour = 3_600_000
const trace = visit(81, Date.now() - 200_000, { slow: false, failed: true })
const [root] = trace
const many = 1200
const zeroDivisions = 9
let mainId = ''

/** A number in letters: numbers within names do not tell groups apart. */
const lettersOf = (n: number): string =>
  [n / 676, n / 26, n].map((part) => String.fromCharCode(97 + (Math.floor(part) % 26))).join('')

async function api(server: RunningServer, address: string): Promise<Record<string, unknown>[]> {
  const answer = await fetch(`${server.url}/api/v1/errors/issues?${address}`)
  const body = (await answer.json()) as { data: { issues: Record<string, unknown>[] } }
  return body.data.issues
}

test.beforeAll(async ({ server }) => {
  const now = Date.now()
  const at = now - 190_000
  const plain = (n: number, kind: string, failing: string, ago: number, more = {}) => ({
    id: idOf(n),
    type: kind,
    value: `${kind} of ${failing}`,
    function: failing,
    at: now - ago,
    more,
  })
  const average = (n: number, ago: number, more = {}) => ({
    ...plain(n, 'ZeroDivisionError', 'average', ago, more),
    cause: missingPrice,
  })
  await sendErrors(
    server.url,
    Array.from({ length: zeroDivisions - 1 }, (_, n) =>
      average(100 + n, (zeroDivisions - n) * 1.7 * hour, {
        release: n < 4 ? 'shop@1.3.0' : 'shop@1.4.0',
        user: { id: `u${n % 4}` },
        tags: { shard: `s${n % 3}`, service: 'shop' },
      }),
    ),
  )
  await sendErrors(server.url, [
    plain(200, 'ValueError', 'parse', 3 * hour, { level: 'warning', environment: 'staging' }),
    plain(201, 'ValueError', 'parse_price', 2 * hour),
    plain(202, 'TimeoutError', 'fetch', hour, { level: 'fatal' }),
    plain(203, 'PermissionError', 'open_vault', 30 * 60_000),
  ])
  await sendErrors(server.url, [{ ...plain(204, 'OSError', 'spool', 20 * 60_000), project: 2 }])
  const made = { ...average(108, 0), at, value: 'division by zero' }
  await sendEnvelope(server.url, [
    ['event', fullEvent(made, root?.traceId ?? '', root?.spanId ?? '')],
    ['attachment', 'the log of the worker', { filename: 'worker.log', content_type: 'text/plain' }],
    [
      'user_report',
      { event_id: made.id, name: 'Ann', email: 'ann@example.org', comments: 'I could not pay' },
    ],
  ])
  await sendEnvelope(server.url, [
    ...Array.from({ length: 9 }, (_, n) => session(500 + n, 'shop@1.4.0', false, now - 60_000)),
    session(520, 'shop@1.4.0', true, now - 60_000),
    session(521, 'shop@1.3.0', false, now - 60_000),
  ] as Parameters<typeof sendEnvelope>[1])
  await pushSpans(server.url, trace)
  await pushLines(server.url, { service_name: 'shop' }, [{ at, text: 'checkout failed' }])
  await sendLogException(server.url, 'payments', now - 60_000)
  const [found] = await api(server, 'query=ZeroDivisionError&since=2d')
  mainId = String(found?.id)
})

test('an empty store shows its DSN, and the first error when it comes', async ({ open, idleServer }) => {
  const page = await open(`${idleServer.url}/errors`)
  await expect(page.getByRole('heading', { name: 'No errors yet' })).toBeVisible()
  const { host } = new URL(page.url())
  await expect(page.locator('pre')).toContainText(`dsn="http://anykey@${host}/1"`)
  await page.getByRole('tab', { name: 'Node.js' }).click()
  await expect(page.locator('pre')).toContainText('@sentry/node')
  await page.getByRole('tab', { name: 'OpenTelemetry' }).click()
  await expect(page.locator('pre')).toContainText('OTEL_EXPORTER_OTLP_ENDPOINT')
  await page.screenshot(shot('empty'))
  await sendErrors(idleServer.url, [
    { id: idOf(1), type: 'KeyError', value: 'first', function: 'begin', at: Date.now() - 1000 },
  ])
  await expect(row(page, 'KeyError')).toBeVisible()
  await expect(page).toHaveURL(/from=now-24h/)
})

test('issues are listed, narrowed, sorted and linked to', async ({ open }) => {
  const page = await open(inbox(), { allow: /400/ })
  await expect(row(page, 'ZeroDivisionError')).toBeVisible()
  const main = row(page, 'ZeroDivisionError')
  await expect(main).toContainText('average')
  await expect(main).toContainText('shop@1.4.0')
  await expect(main).toContainText('New')
  await expect(main).toContainText('Unhandled')
  await expect(row(page, 'IllegalStateException')).toContainText('payments')
  const chart = page.getByRole('region', { name: 'Errors over time by project' })
  await expect(chart.getByRole('button', { name: 'payments' })).toBeVisible()
  await page.screenshot(shot('list-dark'))

  await page.getByRole('combobox', { name: 'Level' }).click()
  await page.getByRole('option', { name: 'fatal' }).click()
  await expect(status(page)).toHaveText('1 issue')
  await expect(row(page, 'TimeoutError')).toBeVisible()
  await page.getByRole('button', { name: 'Clear filters' }).click()
  await page.getByRole('combobox', { name: 'Environment' }).click()
  await page.getByRole('option', { name: /staging/ }).click()
  await expect(status(page)).toHaveText('1 issue')
  await expect(page).toHaveURL(/env=staging/)
  await page.getByRole('button', { name: 'Clear filters' }).click()

  await page.keyboard.press('/')
  await page.keyboard.type('ValueError')
  await page.keyboard.press('Enter')
  await expect(status(page)).toHaveText('2 issues')
  await page.reload()
  await expect(status(page)).toHaveText('2 issues')
  await page.getByRole('textbox', { name: 'Search in issues' }).fill('is:wrong')
  await page.keyboard.press('Enter')
  await expect(page.getByText(/is:wrong is none of/).first()).toBeVisible()
})

test('the order is that of what is asked for', async ({ open }) => {
  const page = await open(inbox('&sort=events'))
  await expect(list(page).getByRole('listitem').first()).toContainText('ZeroDivisionError')
  await page.getByRole('combobox', { name: 'Sort by' }).click()
  await page.getByRole('option', { name: 'Last seen' }).click()
  await expect(list(page).getByRole('listitem').first()).toContainText('IllegalStateException')
  await page.getByRole('combobox', { name: 'Sort by' }).click()
  await page.getByRole('option', { name: 'Rising' }).click()
  await expect(page).toHaveURL(/sort=trend/)
  await expect(list(page).getByRole('listitem').first()).toBeVisible()
})

test('a project is chosen in the chart, and dragging zooms', async ({ open }) => {
  const page = await open(inbox())
  const chart = page.getByRole('region', { name: 'Errors over time by project' })
  await chart.getByRole('button', { name: 'payments' }).click()
  await expect(status(page)).toHaveText('1 issue')
  await chart.getByRole('button', { name: 'payments' }).click()
  await expect(row(page, 'ZeroDivisionError')).toBeVisible()
  const box = await chart.locator('.u-over').boundingBox()
  if (box === null) throw new Error('the chart has no box')
  await page.mouse.move(box.x + box.width * 0.9, box.y + 40)
  await page.mouse.down()
  await page.mouse.move(box.x + box.width - 2, box.y + 40, { steps: 4 })
  await page.mouse.up()
  await expect(page).toHaveURL(/from=\d{13}/)
  await expect(row(page, 'IllegalStateException')).toBeVisible()
})

test('the list is worked through by keyboard', async ({ open, server }) => {
  const page = await open(inbox('&project=1&sort=first_seen'))
  await expect(row(page, 'PermissionError')).toBeVisible()
  await page.keyboard.press('j')
  await expect(current(page)).toContainText('PermissionError')
  await page.keyboard.press('j')
  await expect(current(page)).toContainText('TimeoutError')
  await page.keyboard.press('k')
  await expect(current(page)).toContainText('PermissionError')

  await page.keyboard.press('a')
  await page.getByRole('textbox', { name: 'Name or address' }).fill('bob')
  await page.keyboard.press('Enter')
  await expect(row(page, 'PermissionError')).toContainText('bob')
  await expect(page.getByRole('dialog')).toHaveCount(0)

  await page.keyboard.press('i')
  await page.getByRole('button', { name: '10 more events' }).click()
  await expect(row(page, 'PermissionError')).toHaveCount(0)
  // The next one is under the hand.
  await expect(current(page)).toContainText('TimeoutError')
  await page.keyboard.press('e')
  await expect(row(page, 'TimeoutError')).toHaveCount(0)
  const ignored = await api(server, 'status=ignored&since=2d')
  expect(ignored.map(({ title, assigned }) => [title, assigned])).toEqual([
    ['PermissionError: PermissionError of open_vault', 'bob'],
  ])
  await page.getByRole('button', { name: /^Resolved/ }).click()
  await expect(row(page, 'TimeoutError')).toContainText('Resolved')
  await page.keyboard.press('j')
  await page.keyboard.press('e')
  await expect(page.getByRole('heading', { name: 'No issue fits' })).toBeVisible()
  await page.getByRole('button', { name: /^Unresolved/ }).click()
  await expect(row(page, 'TimeoutError')).toBeVisible()
  await page.keyboard.press('j')
  await page.keyboard.press('Enter')
  await expect(page).toHaveURL(/\/errors\/[0-9a-f]{16}/)
  await page.keyboard.press('u')
  await expect(list(page)).toBeVisible()
})

test('several are marked, assigned, merged and taken apart again', async ({ open, server }) => {
  const page = await open(inbox('&q=ValueError'))
  await expect(status(page)).toHaveText('2 issues')
  await page.keyboard.press('j')
  await page.keyboard.press('x')
  await page.keyboard.press('j')
  await page.keyboard.press('X')
  await expect(status(page)).toHaveText('2 selected')
  await page.screenshot(shot('marked'))
  await page.keyboard.press('a')
  await page.getByRole('textbox', { name: 'Name or address' }).fill('carol')
  await page.keyboard.press('Enter')
  await expect(list(page).getByText('carol')).toHaveCount(2)
  // Until the field is gone, keys are letters in it.
  await expect(page.getByRole('textbox', { name: 'Name or address' })).toHaveCount(0)
  await expect(status(page)).toHaveText('2 issues')
  await page.keyboard.press('*')
  await expect(status(page)).toHaveText('2 selected')
  await page.keyboard.press('m')
  await page.getByRole('dialog').getByRole('button', { name: 'Merge' }).click()
  await expect(status(page)).toHaveText('1 issue')
  await expect(row(page, 'ValueError')).toContainText('2 groups')
  await row(page, 'ValueError').getByRole('link').click()
  await page.getByRole('tab', { name: /Grouping/ }).click()
  const parts = page.getByRole('tabpanel')
  await expect(parts.getByRole('checkbox')).toHaveCount(2)
  await expect(parts).toContainText('own_frames')
  await page.screenshot(shot('grouping'))
  await parts.getByRole('checkbox').last().check()
  await parts.getByRole('button', { name: 'Take out' }).click()
  await expect(parts.getByRole('checkbox')).toHaveCount(0)
  expect(await api(server, 'query=ValueError&since=2d')).toHaveLength(2)
})

test('an issue shows its event whole', async ({ open }) => {
  const page = await open(`/errors/${mainId}?from=now-24h&to=now&refresh=off`)
  await expect(page.getByRole('heading', { level: 1 })).toContainText('ZeroDivisionError')
  const event = page.getByRole('tabpanel', { name: 'Event' })
  const stack = event.getByRole('region', { name: 'Stack trace' })
  await expect(stack).toContainText('return cart.sum / count')
  await expect(stack.locator('[data-failed]')).toHaveAttribute('value', '42')
  await expect(stack).toContainText("'ann'")
  await expect(stack).toContainText('Caused by')
  await expect(stack).toContainText('price_of')
  await expect(stack).not.toContainText('flask/app.py')
  await stack.getByRole('button', { name: '2 calls of libraries' }).click()
  await expect(stack).toContainText('flask/app.py')
  const crumbs = event.getByRole('region', { name: /Breadcrumbs/ })
  await expect(crumbs).toContainText('ann signed in')
  await expect(crumbs).toContainText('503')
  await expect(event.getByRole('region', { name: 'Request' })).toContainText(
    'POST https://shop.example.org/checkout?step=2',
  )
  await expect(event.getByRole('region', { name: 'User' })).toContainText('ann@example.org')
  await expect(event.getByRole('region', { name: 'runtime' })).toContainText('CPython')
  const file = event.getByRole('link', { name: 'worker.log' })
  const download = page.waitForEvent('download')
  await file.click()
  expect((await download).suggestedFilename()).toBe('worker.log')
  const side = page.getByRole('complementary', { name: 'About the issue' })
  await expect(side.getByRole('listitem', { name: 'shard' })).toContainText('s1')
  await expect(side).toContainText('shop@1.3.0')
  await page.evaluate(() => window.scrollTo(0, 0))
  await page.screenshot(shot('issue-dark'))

  await stack.getByText('Text', { exact: true }).click()
  await expect(stack.locator('pre')).toContainText("Caused by: KeyError: 'price'")
  await expect(page).toHaveURL(/stack=raw/)
  await page.getByRole('tab', { name: /Feedback/ }).click()
  await expect(page.getByRole('tabpanel')).toContainText('I could not pay')
  await page.getByRole('tab', { name: 'Tags' }).click()
  await expect(page.getByRole('tabpanel').getByRole('listitem', { name: 'customer' })).toContainText('gold')
  await page.getByRole('tab', { name: /All events/ }).click()
  const table = page.getByRole('table', { name: 'All events' })
  await expect(table).toHaveAttribute('aria-rowcount', String(zeroDivisions + 1))
  await table.getByRole('row').nth(3).click()
  await expect(page).toHaveURL(/event=[0-9a-f]{32}/)
})

test('its events are walked through', async ({ open }) => {
  const page = await open(`/errors/${mainId}?from=now-24h&to=now&refresh=off`)
  const step = (name: string) => page.getByRole('button', { name: `${name} event` })
  await expect(page.getByText(idOf(108).slice(0, 8))).toBeVisible()
  await expect(step('Newer')).toBeDisabled()
  await step('Oldest').click()
  await expect(page).toHaveURL(new RegExp(`event=${idOf(100)}`))
  await expect(step('Older')).toBeDisabled()
  await page.keyboard.press('j')
  await expect(page).toHaveURL(new RegExp(`event=${idOf(101)}`))
  await step('Newest').click()
  await expect(page).toHaveURL(new RegExp(`event=${idOf(108)}`))
  await page.keyboard.press('k')
  await expect(page).toHaveURL(new RegExp(`event=${idOf(107)}`))
})

test('it leads to the trace, the logs and the metrics of that moment', async ({ open }) => {
  const page = await open(`/errors/${mainId}?from=now-24h&to=now&refresh=off`)
  const ways = page.getByRole('group', { name: 'Other signals of this moment' })
  await expect(ways.getByRole('link', { name: 'Calls and errors' })).toHaveAttribute(
    'href',
    /errors_events_total/,
  )
  await ways.getByRole('link', { name: /Logs of that moment/ }).click()
  await expect(page.getByRole('table', { name: 'Log lines' })).toContainText('checkout failed')
  await page.goBack()
  await ways.getByRole('link', { name: 'Trace', exact: true }).click()
  await expect(page).toHaveURL(new RegExp(`/traces/${root?.traceId}\\?.*span=${root?.spanId}`))
  await expect(page.getByRole('treegrid')).toBeVisible()
})

test('what is done to an issue is remembered with who did it', async ({ open, server }) => {
  const page = await open(`/errors/${mainId}?from=now-24h&to=now&refresh=off`)
  await page.getByRole('button', { name: 'Assign' }).click()
  await page.getByRole('textbox', { name: 'Who you are' }).fill('dora')
  await page.getByRole('button', { name: 'dora (me)' }).click()
  const side = page.getByRole('complementary', { name: 'About the issue' })
  await expect(side).toContainText('dora assigned to dora')
  await side.getByRole('textbox', { name: 'Say something' }).fill('seen on shard s1 only')
  await page.keyboard.press('Enter')
  await expect(side).toContainText('seen on shard s1 only')
  await page.getByRole('button', { name: 'Other ways to resolve' }).click()
  await page.getByRole('menuitem', { name: 'Resolve in the next release' }).click()
  await expect(page.getByText('Resolved in whatever follows shop@1.4.0')).toBeVisible()
  await sendErrors(server.url, [
    {
      id: idOf(300),
      type: 'ZeroDivisionError',
      value: 'again',
      function: 'average',
      cause: missingPrice,
      at: Date.now(),
      more: { release: 'shop@1.5.0' },
    },
  ])
  await page.keyboard.press('r')
  await expect(page.getByText('Regressed').first()).toBeVisible()
  await expect(side).toContainText('came back in shop@1.5.0')
  await page.keyboard.press('i')
  await page.getByRole('textbox', { name: 'Time' }).fill('12h')
  await page.getByRole('textbox', { name: 'Events' }).fill('50')
  await page.keyboard.press('Enter')
  await expect(page.getByText(/Ignored until .* or until 50 more events/)).toBeVisible()
  await page.keyboard.press('e')
  await expect(page.getByRole('button', { name: 'Resolve', exact: true })).toBeVisible()
})

test('releases show how many sessions went without a crash', async ({ open }) => {
  const page = await open('/errors/releases?from=now-24h&to=now&refresh=off')
  const table = page.getByRole('table', { name: 'Releases and their health' })
  const of = (release: string) => table.getByRole('row').filter({ hasText: release })
  await expect(of('shop@1.4.0').filter({ hasText: '90.0%' })).toBeVisible()
  await expect(of('shop@1.3.0')).toContainText('100')
  await page.screenshot(shot('releases'))
  await of('shop@1.3.0').getByRole('link').click()
  await expect(row(page, 'ZeroDivisionError')).toBeVisible()
  await expect(status(page)).toHaveText('1 issue')
})

test('the screens speak Chinese on light ground, and fit a phone', async ({ open }) => {
  const page = await open(inbox(), { language: 'zh', scheme: 'light' })
  await expect(list(page, '找到的问题')).toContainText('ZeroDivisionError')
  await page.screenshot(shot('list-light-zh'))
  await list(page, '找到的问题').getByText('ZeroDivisionError').first().click()
  await expect(page.getByRole('region', { name: '堆栈' })).toContainText('return cart.sum / count')
  await page.screenshot({ ...shot('issue-light-zh'), fullPage: true })
  await page.setViewportSize({ width: 390, height: 844 })
  await page.screenshot(shot('issue-phone-zh'))
  const wide = () => page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth)
  expect(await wide()).toBeLessThanOrEqual(0)
  await page.getByRole('link', { name: '错误' }).first().click()
  await expect(list(page, '找到的问题')).toContainText('ZeroDivisionError')
  await page.screenshot(shot('list-phone-zh'))
  expect(await wide()).toBeLessThanOrEqual(0)
})

test('an issue that is not there says why that may be', async ({ open }) => {
  const page = await open('/errors/ffffffffffffffff?from=now-24h&to=now', { allow: /404/ })
  await expect(page.getByRole('heading', { name: 'There is no such issue' })).toBeVisible()
})

test('a thousand issues are drawn in part and fetched as one scrolls', async ({ open, server }) => {
  const now = Date.now()
  for (let from = 0; from < many; from += 100)
    await Promise.all(
      Array.from({ length: 100 }, (_, n) => {
        const made = {
          id: idOf(10_000 + from + n),
          type: 'BulkError',
          value: `number ${from + n}`,
          function: `job_${lettersOf(from + n)}`,
          at: now - n * 60_000,
        }
        return sendEnvelope(server.url, [['event', pythonEvent(made)]], 3)
      }),
    )
  const page = await open(inbox('&project=3'))
  await expect(list(page).getByRole('listitem').first()).toBeVisible()
  const total = Number((await status(page).innerText()).replace(/\D/g, ''))
  expect(total).toBeGreaterThan(many * 0.9)
  expect(await list(page).getByRole('listitem').count()).toBeLessThan(60)
  await expect(list(page).getByRole('listitem').first()).toHaveAttribute('aria-setsize', '100')
  await page.mouse.move(700, 600)
  await page.mouse.wheel(0, 9000)
  await expect(list(page).getByRole('listitem').last()).toHaveAttribute('aria-setsize', '600')
  await page.screenshot(shot('huge'))
})
