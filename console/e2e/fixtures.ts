import { test as base, expect, type Page } from '@playwright/test'
import { pushHistogram } from './histogram'
import { pushSeries, startServer, type RunningServer } from './server'

export { expect } from '@playwright/test'

interface WorkerFixtures {
  readonly server: RunningServer
  readonly idleServer: RunningServer
}

interface TestFixtures {
  readonly open: (address: string, options?: OpenOptions) => Promise<Page>
}

interface OpenOptions {
  readonly language?: 'en' | 'zh'
  readonly scheme?: 'dark' | 'light'
  /** Messages of the browser's console that this test expects. */
  readonly allow?: RegExp
}

const binary = process.env.WATCHFIRE_BIN

export const manySeries = 10_000

export const test = base.extend<TestFixtures, WorkerFixtures>({
  server: [
    // eslint-disable-next-line no-empty-pattern -- the runner reads which fixtures are wanted from this pattern
    async ({}, use) => {
      if (binary === undefined) throw new Error('set WATCHFIRE_BIN to the watchfire binary to test against')
      const server = await startServer(binary, { agent: true })
      await pushSeries(server.url, 'e2e_items', manySeries)
      await pushHistogram(server.url, 'e2e_duration_seconds')
      await use(server)
      await server.stop()
    },
    { scope: 'worker', timeout: 90_000 },
  ],
  idleServer: [
    // eslint-disable-next-line no-empty-pattern -- as above
    async ({}, use) => {
      if (binary === undefined) throw new Error('set WATCHFIRE_BIN to the watchfire binary to test against')
      const server = await startServer(binary, { agent: false })
      await use(server)
      await server.stop()
    },
    { scope: 'worker', timeout: 90_000 },
  ],
  /** Opens an address of the console and fails the test if the browser complains about anything. */
  open: async ({ page, server }, use) => {
    const complaints: string[] = []
    let allowed: RegExp | undefined
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) complaints.push(message.text())
    })
    page.on('pageerror', (error) => complaints.push(error.message))
    await use(async (address, options = {}) => {
      allowed = options.allow
      await page.emulateMedia({ colorScheme: options.scheme ?? 'dark' })
      await page.addInitScript(
        (language) => localStorage.setItem('watchfire.language', JSON.stringify(language)),
        options.language ?? 'en',
      )
      await page.goto(address.startsWith('http') ? address : server.url + address)
      return page
    })
    expect(complaints.filter((text) => allowed?.test(text) !== true)).toEqual([])
  },
})
