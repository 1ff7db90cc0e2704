import { describe, expect, it } from 'vitest'
import { epochMs, ms } from './brand'
import { formatDuration, parseDuration } from './duration'
import {
  absoluteRange,
  defaultRange,
  encodeTimePoint,
  endsNow,
  isZone,
  parseTimePoint,
  relativeSpan,
  resolveRange,
  shiftRange,
  startOfDay,
  zoneOffset,
  zoomOut,
} from './time'

const noon = epochMs(Date.UTC(2026, 0, 31, 12, 0, 0))

describe('durations', () => {
  it.each([
    ['15m', 900_000],
    ['1h30m', 5_400_000],
    ['1d', 86_400_000],
    ['250ms', 250],
    ['2w', 1_209_600_000],
  ])('reads %s', (text, expected) => expect(parseDuration(text)).toBe(expected))

  it.each(['', 'm', '5', '1h ', '-5m', '1.5h', '5m5'])('refuses %j', (text) =>
    expect(parseDuration(text)).toBeNull(),
  )

  it.each(['15m', '1h30m', '1d', '2d6h', '250ms'])('writes %s back', (text) => {
    expect(formatDuration(parseDuration(text) ?? ms(0))).toBe(text)
  })
})

describe('time points', () => {
  it('reads relative ones', () => {
    expect(parseTimePoint('now', 'utc')).toEqual({ kind: 'relative', back: 0, floor: null })
    expect(parseTimePoint(' now-1h ', 'utc')).toEqual({ kind: 'relative', back: 3_600_000, floor: null })
    expect(parseTimePoint('now-1d/d', 'utc')).toEqual({ kind: 'relative', back: 86_400_000, floor: 'day' })
  })

  it('reads a wall clock in the zone', () => {
    expect(parseTimePoint('2026-01-31 12:00:00', 'utc')).toEqual({ kind: 'absolute', at: noon })
    expect(parseTimePoint('2026-01-31T20:00', 'Asia/Shanghai')).toEqual({ kind: 'absolute', at: noon })
    expect(parseTimePoint('2026-01-31 07:00', 'America/New_York')).toEqual({ kind: 'absolute', at: noon })
  })

  it('reads instants that carry their zone', () => {
    expect(parseTimePoint('2026-01-31T12:00:00Z', 'Asia/Shanghai')).toEqual({ kind: 'absolute', at: noon })
    expect(parseTimePoint('2026-01-31T13:00:00+01:00', 'utc')).toEqual({ kind: 'absolute', at: noon })
    expect(parseTimePoint(String(noon), 'utc')).toEqual({ kind: 'absolute', at: noon })
  })

  it.each(['', 'yesterday', 'now+1h', 'now-', '2026-02-30', '2026-13-01', '12:00'])('refuses %j', (text) => {
    expect(parseTimePoint(text, 'utc')).toBeNull()
  })

  it.each(['now', 'now-15m', 'now/d', 'now-1d/d', String(noon)])('survives the address bar: %s', (text) => {
    const point = parseTimePoint(text, 'utc')
    expect(point === null ? null : encodeTimePoint(point)).toBe(text)
  })
})

describe('zones', () => {
  it('knows offsets and daylight saving', () => {
    expect(zoneOffset(noon, 'Europe/Berlin')).toBe(3_600_000)
    expect(zoneOffset(epochMs(Date.UTC(2026, 6, 1)), 'Europe/Berlin')).toBe(7_200_000)
    expect(zoneOffset(noon, 'Asia/Kolkata')).toBe(19_800_000)
  })

  it('finds midnight on the day the clocks change', () => {
    const afterChange = epochMs(Date.UTC(2026, 2, 29, 10))
    expect(startOfDay(afterChange, 'Europe/Berlin')).toBe(Date.UTC(2026, 2, 28, 23))
  })

  it('tells zones from other words', () => {
    expect(isZone('local')).toBe(true)
    expect(isZone('Asia/Shanghai')).toBe(true)
    expect(isZone('Middle/Earth')).toBe(false)
  })
})

describe('ranges', () => {
  it('resolves against now and the zone', () => {
    expect(resolveRange(defaultRange, noon, 'utc')).toEqual({ from: noon - 900_000, to: noon })
    const today = { from: { kind: 'relative', back: ms(0), floor: 'day' }, to: defaultRange.to } as const
    expect(resolveRange(today, noon, 'utc').from).toBe(Date.UTC(2026, 0, 31))
    expect(resolveRange(today, noon, 'Asia/Shanghai').from).toBe(Date.UTC(2026, 0, 30, 16))
  })

  it('never resolves to an empty range', () => {
    const backwards = absoluteRange(noon, noon)
    const { from, to } = resolveRange(backwards, noon, 'utc')
    expect(to).toBeGreaterThan(from)
  })

  it('knows which follow the present', () => {
    expect(endsNow(defaultRange)).toBe(true)
    expect(relativeSpan(defaultRange)).toBe(900_000)
    expect(endsNow(absoluteRange(0, 1000))).toBe(false)
    expect(relativeSpan(absoluteRange(0, 1000))).toBeNull()
  })

  it('shifts by a share and zooms out without passing the present', () => {
    const resolved = { from: epochMs(noon - 100_000), to: noon }
    expect(resolveRange(shiftRange(resolved, -0.5), noon, 'utc')).toEqual({
      from: noon - 150_000,
      to: noon - 50_000,
    })
    expect(resolveRange(zoomOut(resolved, noon), noon, 'utc')).toEqual({ from: noon - 200_000, to: noon })
    const old = { from: epochMs(noon - 300_000), to: epochMs(noon - 200_000) }
    expect(resolveRange(zoomOut(old, noon), noon, 'utc')).toEqual({
      from: noon - 350_000,
      to: noon - 150_000,
    })
  })
})
