// How long until a large trace can be worked with: from the arrival of its answer, and from navigation, in a fresh
// headless Chromium; then how long frames take while it is scrolled from end to end.
// Usage: node scripts/waterfall.mjs URL [SPANS] [ROUNDS]
// The trace is made and sent first. URL serves the console, with the API below it.
import { chromium } from '@playwright/test'

const url = process.argv[2]
const spans = Number(process.argv[3] ?? 20_000)
const rounds = Number(process.argv[4] ?? 5)
if (url === undefined) {
  console.error('usage: node scripts/waterfall.mjs URL [SPANS] [ROUNDS]')
  process.exit(2)
}

const services = ['planner', 'worker', 'cache', 'index', 'store', 'audit']
const spansPerRequest = 5000

/** Numbers from 0 to 1, the same each time. */
function random(seed) {
  let state = seed
  return () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647
}

async function send(traceId) {
  const next = random(spans + 17)
  const begin = BigInt(Date.now() - 120_000) * 1_000_000n
  const made = [{ id: 1, at: 0, takes: spans * 1e6, depth: 0, parent: 0 }]
  for (let id = 2; id <= spans; id++) {
    const parent = made[Math.floor(next() * Math.min(made.length, 4000))]
    const takes = parent.takes * next() * 0.7 + 1000
    made.push({ id, at: parent.at + (parent.takes - takes) * next(), takes, parent: parent.id })
  }
  const hex = (id) => id.toString(16).padStart(16, '0')
  const json = ({ id, at, takes, parent }) => ({
    traceId,
    spanId: hex(id),
    ...(parent === 0 ? {} : { parentSpanId: hex(parent) }),
    name: `step ${id % 40}`,
    kind: 1,
    startTimeUnixNano: (begin + BigInt(Math.round(at))).toString(),
    endTimeUnixNano: (begin + BigInt(Math.round(at + takes))).toString(),
    attributes: [
      { key: 'item', value: { intValue: String(id) } },
      { key: 'http.route', value: { stringValue: `/steps/${id % 16}` } },
    ],
    ...(id % 997 === 0 ? { status: { code: 2, message: 'lost' } } : {}),
  })
  for (let from = 0; from < made.length; from += spansPerRequest) {
    const part = made.slice(from, from + spansPerRequest)
    const resourceSpans = services.map((service, place) => ({
      resource: { attributes: [{ key: 'service.name', value: { stringValue: service } }] },
      scopeSpans: [{ spans: part.filter(({ id }) => id % services.length === place).map(json) }],
    }))
    const response = await fetch(`${url}/v1/traces`, {
      method: 'POST',
      body: JSON.stringify({ resourceSpans }),
      headers: { 'content-type': 'application/json' },
    })
    if (!response.ok) throw new Error(`spans were refused: ${response.status} ${await response.text()}`)
  }
}

/** Rows of the waterfall on screen, and a picture in the minimap. */
const isThere = () => document.querySelectorAll('[role="treegrid"] [role="row"]').length > 10

async function once(traceId) {
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
  await page.goto(`${url}/traces/${traceId}`, { waitUntil: 'commit' })
  await page.waitForFunction(isThere, undefined, { polling: 'raf', timeout: 120_000 })
  const figures = await page.evaluate(async (id) => {
    // Interactive means that the main thread answers: one idle turn after the rows are there.
    await new Promise((done) => setTimeout(done, 0))
    const live = performance.now()
    const answer = performance
      .getEntriesByType('resource')
      .find(({ name }) => name.includes(`/api/v1/traces/${id}`))
    const arrived = answer?.responseEnd ?? NaN
    const rows = document.querySelector('[role="treegrid"]')
    const key = performance.now()
    rows.dispatchEvent(new KeyboardEvent('keydown', { key: 'j', bubbles: true }))
    await new Promise((done) => requestAnimationFrame(() => setTimeout(done, 0)))
    const answered = performance.now() - key
    const frames = []
    let last = performance.now()
    const steps = 60
    for (let step = 1; step <= steps; step++) {
      rows.scrollTop = (rows.scrollHeight * step) / steps
      await new Promise((done) => requestAnimationFrame(done))
      const now = performance.now()
      frames.push(now - last)
      last = now
    }
    frames.sort((a, b) => a - b)
    const shown = Number(rows.getAttribute('aria-rowcount'))
    const bytes = answer?.decodedBodySize ?? 0
    return { live, arrived, answered, frame: frames[Math.floor(frames.length * 0.95)], shown, bytes }
  }, traceId)
  await browser.close()
  if (figures.shown !== spans) throw new Error(`the waterfall has ${figures.shown} spans, not ${spans}`)
  return figures
}

const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]
const traceId = `77617465726661${spans.toString(16).padStart(10, '0')}${Date.now().toString(16).slice(-8)}`
await send(traceId)
const all = []
for (let i = 0; i < rounds; i++) all.push(await once(traceId))
const line = (name, values) =>
  console.log(
    `${name.padEnd(34)} median ${median(values).toFixed(0)} ms, worst ${Math.max(...values).toFixed(0)} ms`,
  )
console.log(`${spans} spans, answer of ${(all[0].bytes / 1e6).toFixed(1)} MB, ${rounds} rounds`)
line(
  'navigation to answer',
  all.map((r) => r.arrived),
)
line(
  'answer to interactive',
  all.map((r) => r.live - r.arrived),
)
line(
  'navigation to interactive',
  all.map((r) => r.live),
)
line(
  'key to its frame',
  all.map((r) => r.answered),
)
line(
  'frame while scrolling, 95 % below',
  all.map((r) => r.frame),
)
