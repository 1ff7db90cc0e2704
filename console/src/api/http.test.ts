import { afterEach, describe, expect, it, vi } from 'vitest'
import { targets } from './catalog'
import { number, text } from './decode'
import { ApiError, request } from './http'
import { exploreInstant, queryMatrix, queryVector } from './query'

/** Answers every request with these bytes and keeps what was asked. */
function answering(status: number, body: string): { url: string; method: string }[] {
  const asked: { url: string; method: string }[] = []
  vi.stubGlobal('fetch', (url: string, init: RequestInit = {}) => {
    asked.push({ url, method: init.method ?? 'GET' })
    return Promise.resolve(new Response(body, { status }))
  })
  return asked
}

const success = (data: unknown, more: object = {}) => JSON.stringify({ status: 'success', data, ...more })

async function failure(promise: Promise<unknown>): Promise<ApiError> {
  const caught: unknown = await promise.then(
    () => null,
    (error: unknown) => error,
  )
  if (!(caught instanceof ApiError)) throw new Error(`expected an ApiError, got ${String(caught)}`)
  return caught
}

afterEach(() => vi.unstubAllGlobals())

describe('request', () => {
  it('opens the envelope and keeps notes and cost', async () => {
    answering(200, success('x', { warnings: ['careful'], infos: ['by the way'] }))
    const answer = await request('/api/v1/format_query', { query: 'up' }, text)
    expect(answer.data).toBe('x')
    expect(answer.exchange).toMatchObject({
      url: '/api/v1/format_query?query=up',
      warnings: ['careful'],
      infos: ['by the way'],
    })
    expect(answer.exchange.bytes).toBeGreaterThan(10)
  })

  it('sends long queries in the body', async () => {
    const asked = answering(200, success(1))
    await request('/api/v1/query', { query: 'x'.repeat(10_000) }, number)
    await request('/api/v1/query', { query: 'x' }, number)
    expect(asked.map(({ method }) => method)).toEqual(['POST', 'GET'])
    expect(asked[0]?.url).toBe('/api/v1/query')
  })

  it.each([
    [400, '{"status":"error","errorType":"bad_data","error":"no"}', 'refused', 'no'],
    [422, '{"status":"error","errorType":"execution","error":"too many"}', 'refused', 'too many'],
    [404, '{"status":"error","errorType":"not_found","error":"nothing"}', 'missing', 'nothing'],
    [503, '{"status":"error","errorType":"unavailable","error":"starting"}', 'network', 'starting'],
    [502, '<html>bad gateway</html>', 'network', 'HTTP 502: <html>bad gateway</html>'],
    [404, '404 page not found', 'missing', 'HTTP 404: 404 page not found'],
    [200, 'not json', 'malformed', 'HTTP 200: not json'],
    [200, success(7), 'malformed', 'unexpected answer at data: expected a string, got number 7'],
  ])('status %d with %s is %s', async (status, body, kind, message) => {
    answering(status, body)
    expect(await failure(request('/x', {}, text))).toMatchObject({ kind, message })
  })

  it('a failed connection is the network', async () => {
    vi.stubGlobal('fetch', () => Promise.reject(new TypeError('Failed to fetch')))
    expect(await failure(request('/x', {}, text))).toMatchObject({
      kind: 'network',
      message: 'Failed to fetch',
    })
  })
})

describe('query answers', () => {
  it('reads every kind of number Prometheus writes', async () => {
    const values = [
      [1, '1.5'],
      [2.5, 'NaN'],
      [3, '+Inf'],
      [4, '-Inf'],
      [5, '1e-7'],
    ]
    answering(200, success({ resultType: 'matrix', result: [{ metric: { a: 'b' }, values }] }))
    const [series] = await queryMatrix({ expr: 'x', start: 0, end: 1, stepMs: 1000 })
    expect(series?.times).toEqual([1000, 2500, 3000, 4000, 5000])
    expect(series?.values).toEqual([1.5, NaN, Infinity, -Infinity, 1e-7])
  })

  it('keeps the digits of a value as the server wrote them', async () => {
    answering(
      200,
      success({ resultType: 'vector', result: [{ metric: {}, value: [1, '9007199254740993'] }] }),
    )
    expect((await queryVector('x', undefined))[0]?.text).toBe('9007199254740993')
  })

  it('reads native histograms', async () => {
    const histogram = { count: '3', sum: '4.5', buckets: [[0, '0.5', '1', '3']] }
    answering(200, success({ resultType: 'vector', result: [{ metric: {}, histogram: [1, histogram] }] }))
    const [sample] = await queryVector('x', 1000)
    expect(sample?.histogram).toEqual({
      count: 3,
      sum: 4.5,
      buckets: [{ boundaries: 0, lower: 0.5, upper: 1, count: 3 }],
    })
  })

  it('reads scalars and statistics', async () => {
    const stats = { timings: { execTotalTime: 0.5 }, samples: { totalQueryableSamples: 9, peakSamples: 3 } }
    answering(200, success({ resultType: 'scalar', result: [1, '42'], stats }))
    const { data } = await exploreInstant('42', 1000)
    expect(data).toEqual({
      result: { type: 'scalar', time: 1000, text: '42' },
      stats: { timings: { execTotalTime: 0.5 }, totalSamples: 9, peakSamples: 3 },
    })
  })

  it('names the place where an answer is not what it should be', async () => {
    answering(
      200,
      success({
        resultType: 'vector',
        result: [
          { metric: {}, value: [1, '1'] },
          { metric: {}, value: [1, 1] },
        ],
      }),
    )
    const error = await failure(queryVector('x', undefined))
    expect(error.message).toContain('data.result[1].value[1]: expected a string')
  })
})

it('reads targets with and without what only some servers tell', async () => {
  const active = {
    scrapeUrl: 'http://a/metrics',
    health: 'odd',
    labels: {},
    lastScrape: '0001-01-01T00:00:00Z',
  }
  const dropped = [
    { discoveredLabels: { job: 'j' } },
    { discoveredLabels: {}, scrapePool: 'p', reason: 'rule' },
  ]
  answering(200, success({ activeTargets: [active], droppedTargets: dropped }))
  const found = await targets()
  expect(found.active[0]).toMatchObject({ health: 'unknown', lastScrape: null, lastError: '' })
  expect(found.dropped.map((d) => [d.pool, d.reason])).toEqual([
    ['j', ''],
    ['p', 'rule'],
  ])
})
