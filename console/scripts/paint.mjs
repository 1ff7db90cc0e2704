// How long until This machine is interactive: a fresh headless Chromium, from navigation to live charts on screen.
// Usage: node scripts/paint.mjs URL [ROUNDS]
import { chromium } from '@playwright/test'

const url = process.argv[2]
const rounds = Number(process.argv[3] ?? 7)
if (url === undefined) {
  console.error('usage: node scripts/paint.mjs URL [ROUNDS]')
  process.exit(2)
}

/** Charts on screen, with a number in the first tile: what people came for. */
const isLive = () =>
  document.querySelectorAll('.uplot canvas').length >= 6 &&
  /\d/.test(document.querySelector('main section b')?.textContent ?? '')

async function once() {
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM_BIN ?? '/usr/bin/chromium',
    args: [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-sync',
    ],
  })
  const page = await browser.newPage({ viewport: { width: 1440, height: 900 } })
  let received = 0
  const session = await page.context().newCDPSession(page)
  await session.send('Network.enable')
  session.on('Network.loadingFinished', (event) => (received += event.encodedDataLength))
  await page.goto(url, { waitUntil: 'commit' })
  await page.waitForFunction(isLive, undefined, { polling: 'raf', timeout: 30_000 })
  // Interactive means that the main thread answers: one idle turn after the charts are there.
  const figures = await page.evaluate(async () => {
    await new Promise((done) => setTimeout(done, 0))
    const live = performance.now()
    const paint = performance.getEntriesByName('first-contentful-paint')[0]
    return { live, paint: paint?.startTime ?? NaN }
  })
  await browser.close()
  return { ...figures, received }
}

const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]
const all = []
for (let i = 0; i < rounds; i++) all.push(await once())
const line = (name, values, unit) =>
  console.log(
    `${name.padEnd(24)} median ${median(values).toFixed(0)} ${unit}, worst ${Math.max(...values).toFixed(0)} ${unit}`,
  )
line(
  'first contentful paint',
  all.map((r) => r.paint),
  'ms',
)
line(
  'live and interactive',
  all.map((r) => r.live),
  'ms',
)
line(
  'received',
  all.map((r) => r.received / 1000),
  'kB',
)
