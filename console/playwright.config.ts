import { readdirSync } from 'node:fs'
import path from 'node:path'
import { defineConfig } from '@playwright/test'

/** The browser of the machine; nothing is downloaded. */
const chromium = process.env.CHROMIUM_BIN ?? '/usr/bin/chromium'

const testDir = path.join(import.meta.dirname, 'e2e')

/** A project for each file of tests: projects never share a worker, so each file has a server, and data, of its own. */
const projects = readdirSync(testDir)
  .filter((file) => file.endsWith('.spec.ts'))
  .map((file) => ({ name: path.basename(file, '.spec.ts'), testMatch: file }))

export default defineConfig({
  testDir,
  projects,
  outputDir: 'test-results',
  timeout: 60_000,
  expect: { timeout: 15_000 },
  workers: 1,
  fullyParallel: false,
  forbidOnly: process.env.CI !== undefined,
  reporter: [['list']],
  use: {
    viewport: { width: 1440, height: 900 },
    timezoneId: 'Europe/Berlin',
    locale: 'en-GB',
    colorScheme: 'dark',
    trace: 'retain-on-failure',
    launchOptions: {
      executablePath: chromium,
      args: [
        '--headless',
        '--no-sandbox',
        '--disable-gpu',
        '--disable-quic',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
      ],
    },
  },
})
