import { readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import type { Page } from '@playwright/test'
import { expect, test } from './fixtures'
import { pushLines } from './server'

const editor = (page: Page) => page.getByRole('textbox', { name: /Pipeline as YAML|管道（YAML）/ })
const results = (page: Page) => page.getByRole('region', { name: /What becomes of the lines|处理结果/ })
const outcomes = (page: Page) => results(page).getByRole('button', { expanded: false })
const sample = (page: Page) => page.getByRole('textbox', { name: /Lines to try it on|用来试用的日志行/ })
const shot = (name: string) => ({
  path: path.join('test-results', 'screens', `pipelines-${name}.png`),
  fullPage: true,
})

async function choose(page: Page, template: string): Promise<void> {
  await page.getByRole('button', { name: /^(Templates|模板)$/ }).click()
  await page.getByRole('menuitem', { name: template }).click()
}

async function write(page: Page, text: string): Promise<void> {
  await editor(page).click()
  await page.keyboard.press('Control+a')
  await page.keyboard.insertText(text)
}

test('a template shows what each stage does: parsed, dropped, redacted, counted', async ({ open }) => {
  const page = await open('/pipelines')
  await choose(page, 'nginx access log, by grok')
  const status = results(page).getByRole('status')
  await expect(status).toHaveText(/2 kept.*1 redacted.*1 dropped/)
  // The first line is open: where it came from, what was done, what is kept.
  await expect(results(page).locator('del').first()).toHaveText('s3cr3tvalue99')
  await expect(results(page).locator('mark').first()).toHaveText('[redacted]')
  await expect(results(page)).toContainText('lets it pass')
  await expect(results(page)).toContainText('counted')
  const kept = results(page).getByRole('row', { name: /attribute clientip/ })
  await expect(kept).toContainText('10.0.0.7')
  // Berlin, where the browser claims to be, is an hour ahead of UTC in November.
  await expect(results(page).getByRole('row', { name: /^time/ })).toContainText('2026-11-21 15:03:05')
  await outcomes(page).filter({ hasText: 'dropped by drop' }).click()
  await expect(results(page)).toContainText(
    'drops the record drop: {field: request, any_of: [/health, /ready]}',
  )
  const metrics = page.getByRole('region', { name: 'Derived metrics' })
  await expect(metrics).toContainText('nginx_responses_total')
  await expect(metrics.getByRole('row')).toHaveCount(2)
  await expect(metrics.getByRole('row', { name: /code="502"/ })).toContainText('1')
})

for (const [template, expected] of [
  ['JSON lines', /2 kept|3 kept.*1 untouched/],
  ['logfmt', /2 kept/],
  ['A format of your own, by a regular expression', /2 kept/],
  ['Redact secrets', /3 kept.*3 redacted/],
  ['Drop debug lines, sample the rest', /dropped/],
  ['Derive metrics', /4 kept/],
] as const) {
  test(`the template “${template}” is right, and does something`, async ({ open }) => {
    const page = await open('/pipelines')
    await choose(page, template)
    await expect(results(page).getByRole('status')).toHaveText(expected)
    await expect(page.getByRole('alert')).toHaveCount(0)
  })
}

test('results follow what is typed, and a mistake is marked at its place', async ({ open }) => {
  const page = await open('/pipelines', { allow: /400/ })
  await sample(page).fill('level=warn msg="disk is slow" took=12')
  await write(page, '- name: mine\n  stages:\n  - logfmt: {}\n')
  await expect(results(page).getByRole('row', { name: /attribute took/ })).toContainText('12')
  await write(page, '# mine\n- name: mine\n  stages:\n  - logfmt: {}\n  - drop: {matches: "("}\n')
  const alert = page.getByRole('alert')
  await expect(alert).toContainText('stages[1].drop.matches')
  await expect(alert).toContainText('line 5, column 21')
  await expect(page.locator('.wf-error-mark')).toHaveText('"("')
  await expect(results(page)).toContainText('results of the text before the mistake')
  await expect(results(page).getByRole('row', { name: /attribute took/ })).toBeVisible()
  await write(page, '- name: mine\n  stages:\n  - logfm: {}\n')
  await expect(alert).toContainText('did you mean logfmt?')
  await expect(alert).toContainText('line 3, column 5')
  await expect(page.locator('.wf-error-mark')).toHaveText('logfm')
  await write(page, '- name: mine\n  stages:\n  - json: {}\n')
  await expect(page.getByRole('alert')).toHaveCount(0)
  await expect(results(page)).toContainText('it is no JSON object')
  await expect(results(page).getByRole('status')).toHaveText(/1 untouched/)
})

test('completes stages and their settings', async ({ open }) => {
  const page = await open('/pipelines', { allow: /400/ })
  const options = page.locator('.cm-tooltip-autocomplete li')
  await write(page, '- name: mine\n  stages:\n  - red')
  await page.keyboard.type('a')
  await expect(options.first()).toContainText('redact')
  await page.keyboard.press('Enter')
  await expect(editor(page)).toContainText('- redact: {}')
  await page.keyboard.press('ArrowLeft')
  await page.keyboard.type('bu')
  await expect(options.first()).toContainText('builtin')
})

test('lines of a stream are taken with their labels', async ({ open, server }) => {
  const now = Date.now()
  const texts = Array.from({ length: 25 }, (_, n) => `{"path":"/p${n}","level":"info"}`)
  texts.push('Exception\n  at main()')
  await pushLines(
    server.url,
    { service_name: 'sampled', host: 'web 1' },
    texts.map((text) => ({ at: now - 1000, text })),
  )
  const page = await open('/pipelines')
  await page.getByRole('combobox', { name: 'Stream' }).fill('{service_name="sampled"}')
  await page.getByRole('button', { name: 'Take its last 20 lines' }).click()
  await expect(sample(page)).toHaveValue(/"\/p24","level":"info"\}\nException↵ {2}at main\(\)$/)
  await expect(page.getByRole('textbox', { name: 'Labels of the stream' })).toHaveValue(
    'host="web 1", service_name=sampled',
  )
  await write(
    page,
    '- name: n\n  stages:\n  - json: {}\n  - metric: {name: n_total, type: counter, labels: {host: host, service: service.name}}\n',
  )
  await expect(results(page).getByRole('status')).toHaveText(/20 kept.*1 untouched/)
  const metrics = page.getByRole('region', { name: 'Derived metrics' })
  await expect(metrics.getByRole('row', { name: /host="web 1" service="sampled"/ })).toContainText('20')
})

test('a line of Logs is carried over', async ({ open, server }) => {
  const text = '{"path":"/cart","level":"error","password":"hunter2-and-more"}'
  await pushLines(server.url, { service_name: 'carried' }, [{ at: Date.now() - 500, text }])
  const page = await open('/logs?from=now-1h&to=now&refresh=off&q=%7Bservice_name%3D%22carried%22%7D')
  await page
    .getByRole('row')
    .filter({ has: page.locator('time') })
    .first()
    .click()
  await page.getByRole('button', { name: 'Try a pipeline on this line' }).click()
  await expect(page).toHaveURL(/\/pipelines/)
  // Lines may hold secrets: none of them is in the address.
  expect(page.url()).not.toContain('hunter2')
  await expect(sample(page)).toHaveValue(text)
  await page.getByRole('button', { name: 'Open prepared in the editor' }).click()
  await expect(results(page).locator('mark').first()).toHaveText('[redacted]')
  await page.getByRole('link', { name: 'Logs', exact: true }).last().click()
  await expect(page).toHaveURL(/\/logs/)
})

test('pipelines in force are listed with what went through them, and open in the editor', async ({
  open,
  server,
}) => {
  await pushLines(
    server.url,
    { service_name: 'prepared' },
    ['/cart', '/health', '/pay', '/pay'].map((to) => ({
      at: Date.now() - 500,
      text: JSON.stringify({ path: to, level: 'info' }),
    })),
  )
  const page = await open('/pipelines')
  const row = page.getByRole('region', { name: 'In force', exact: true }).getByRole('listitem').first()
  await expect(row).toContainText('service_name=prepared')
  await expect(row).toContainText(/4 records\s*1 dropped \(25 %\)/)
  await page.getByRole('button', { name: 'Open prepared in the editor' }).click()
  await expect(page).toHaveURL(/name=prepared/)
  await expect(editor(page)).toContainText('- drop: {field: path, any_of: [/health]}')
  await expect(editor(page)).not.toContainText('null')
  await expect(page.getByRole('region', { name: 'Put it in force' })).toContainText(
    'It takes the place of the pipeline prepared.',
  )
  // What was changed stays over a reload of the page; the link does not bring the old text back.
  await editor(page).click()
  await page.keyboard.press('Control+End')
  await page.keyboard.insertText('  - set: {seen: here}\n')
  await page.reload()
  await expect(editor(page)).toContainText('set: {seen: here}')
})

test('what is written comes into force by the file and a reload', async ({ open, server, context }) => {
  await context.grantPermissions(['clipboard-read', 'clipboard-write'])
  const page = await open('/pipelines', { allow: /500/ })
  await choose(page, 'Redact secrets')
  const apply = page.getByRole('region', { name: 'Put it in force' })
  await expect(apply).toContainText(server.configFile)
  await apply.getByRole('button', { name: 'Copy' }).first().click()
  await expect(page.getByText('Copied')).toBeVisible()
  const block = await page.evaluate(() => navigator.clipboard.readText())
  expect(block).toMatch(/^pipelines:\n- name: secrets\n/)
  const before = await readFile(server.configFile, 'utf8')
  const reload = apply.getByRole('button', { name: 'Read the configuration again' })
  try {
    const rest = before.slice(before.indexOf('scrape_configs:'))
    await writeFile(server.configFile, `${block}\n${rest}`)
    await reload.click()
    await expect(page.getByText('The configuration was read again')).toBeVisible()
    const list = page.getByRole('region', { name: 'In force', exact: true })
    await expect(list.getByRole('listitem')).toHaveCount(1)
    await expect(list).toContainText('secrets')
    await writeFile(server.configFile, 'pipelines: 1\n')
    await reload.click()
    await expect(apply.getByRole('alert')).toContainText('the configuration was not reloaded')
  } finally {
    await writeFile(server.configFile, before)
    await reload.click()
  }
  await expect(page.getByRole('region', { name: 'In force', exact: true })).toContainText('prepared')
})

test('a server without pipelines says so; nothing to try is said, too', async ({ open, idleServer }) => {
  const page = await open(`${idleServer.url}/pipelines`)
  await expect(page.getByRole('region', { name: 'In force', exact: true })).toContainText(
    'No pipeline is configured',
  )
  await expect(page.getByRole('heading', { name: 'No pipeline yet' })).toBeVisible()
  await write(page, 'name: alone\nstages: [{json: {}}]')
  await expect(page.getByRole('heading', { name: 'Nothing to try it on yet' })).toBeVisible()
  await expect(page.getByRole('region', { name: 'Put it in force' })).toContainText(
    /pipelines:\s+- name: alone\s+stages:/,
  )
  await page.getByRole('combobox', { name: 'Stream' }).fill('{service_name="nobody"}')
  await page.getByRole('button', { name: /Take its last/ }).click()
  await expect(page.getByRole('alert')).toContainText('no lines within a day')
})

test('the keyboard leads there, and to the editor', async ({ open }) => {
  const page = await open('/logs')
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Logs')
  await page.keyboard.press('g')
  await page.keyboard.press('p')
  await expect(page).toHaveURL(/\/pipelines/)
  await page.getByRole('region', { name: 'In force', exact: true }).waitFor()
  await page.keyboard.press('/')
  await expect(editor(page)).toBeFocused()
  await page.keyboard.type('name: x')
  await page.keyboard.press('Enter')
  await page.keyboard.type('stages: ')
  await expect(editor(page)).toHaveText(/name: x\s*stages:/)
})

for (const [language, scheme] of [
  ['en', 'light'],
  ['en', 'dark'],
  ['zh', 'dark'],
  ['zh', 'light'],
] as const) {
  test(`a trial in ${language}, ${scheme}`, async ({ open }) => {
    const page = await open('/pipelines?name=prepared', { language, scheme })
    await choose(page, language === 'en' ? 'nginx access log, by grok' : 'nginx 访问日志（grok）')
    await expect(results(page).getByRole('status')).toHaveText(language === 'en' ? /1 dropped/ : /丢弃 1 行/)
    await results(page)
      .getByRole('button', { name: language === 'en' ? 'Open all' : '全部展开' })
      .click()
    await expect(results(page)).toContainText(language === 'en' ? 'drops the record' : '丢弃此记录')
    await page.screenshot(shot(`trial-${language}-${scheme}`))
    await sample(page).fill('plain text')
    await expect(results(page)).toContainText(language === 'en' ? 'the pattern does not match' : '模式不匹配')
  })
}

test('a trial fits a phone', async ({ open, page }) => {
  await page.setViewportSize({ width: 390, height: 844 })
  await open('/logs')
  await page.getByRole('link', { name: 'Pipelines' }).click()
  await expect(page).toHaveURL(/\/pipelines/)
  await choose(page, 'nginx access log, by grok')
  await expect(results(page).getByRole('status')).toHaveText(/1 dropped/)
  const overflow = await page.evaluate(
    () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
  )
  expect(overflow).toBeLessThanOrEqual(0)
  await page.screenshot(shot('trial-phone'))
})
