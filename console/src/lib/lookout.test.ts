import { describe, expect, test } from 'vitest'
import { beatPlans, certificateTone, daysLeft, hasWords, readTranscript, shellWord } from './lookout'
import { readYaml } from './yamlTree'

const day = 86_400

test('days of a certificate are whole, and negative once it is over', () => {
  const now = 1_800_000_000
  expect(daysLeft(now + 12.7 * day, now * 1000)).toBe(12)
  expect(daysLeft(now - 1, now * 1000)).toBe(-1)
  expect([40, 29, 6, -3].map(certificateTone)).toEqual(['good', 'warn', 'bad', 'bad'])
})

describe('beatPlans', () => {
  test('reads jobs and what holds for those that are not configured', () => {
    const plans = beatPlans(
      readYaml(`heartbeats:
  jobs:
  - name: backup
    schedule: 0 3 * * *
    timezone: Europe/Berlin
    grace: 1h
  - {name: sync, period: 1m, max_duration: 30m}
  unknown: take
  unknown_period: 1d
  unknown_grace: 1h
`),
    )
    expect(plans.jobs.get('backup')).toEqual({
      schedule: '0 3 * * *',
      timezone: 'Europe/Berlin',
      grace: '1h',
      period: '',
      maxDuration: '',
    })
    expect(plans.jobs.get('sync')).toMatchObject({ period: '1m', grace: '5m', maxDuration: '30m' })
    expect(plans.unknown).toMatchObject({ period: '1d', grace: '1h' })
    expect(plans.takesUnknown).toBe(true)
  })

  test('a configuration without any is empty', () => {
    expect(beatPlans(null).jobs.size).toBe(0)
    expect(beatPlans(readYaml('heartbeats: []')).takesUnknown).toBe(false)
  })
})

describe('readTranscript', () => {
  test('takes log, metrics and module apart', () => {
    const raw = `Logs for the probe:
 0.000004 INFO  Beginning probe probe=http
 0.001100 ERROR cannot connect



Metrics that would have been returned:
# HELP probe_success Whether it was.
probe_duration_seconds 0.0123
probe_success 0



Module configuration:
prober: http
`
    const read = readTranscript(raw)
    expect(read.lines).toEqual([
      { seconds: 0.000004, level: 'info', text: 'Beginning probe probe=http' },
      { seconds: 0.0011, level: 'error', text: 'cannot connect' },
    ])
    expect(read).toMatchObject({ success: false, durationSeconds: 0.0123, module: 'prober: http' })
    expect(read.metrics).toContain('# HELP')
  })

  test('keeps text that is something else', () => {
    expect(readTranscript('<html>')).toMatchObject({
      lines: [{ level: '', text: '<html>' }],
      success: null,
      metrics: '',
    })
  })
})

test('words and shell', () => {
  expect(hasWords('https://example.org team="web"', 'EXAMPLE web')).toBe(true)
  expect(hasWords('https://example.org', 'other')).toBe(false)
  expect(hasWords('x', '')).toBe(true)
  expect([shellWord('https://a.b/c'), shellWord("it's")]).toEqual(['https://a.b/c', `'it'\\''s'`])
})
