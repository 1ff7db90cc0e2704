import { epochMs, ms, type EpochMs, type Milliseconds } from './brand'
import { formatDuration, parseDuration } from './duration'

/** One end of a time range: fixed, or relative to the moment of asking (optionally at the start of a day). */
export type TimePoint =
  | { readonly kind: 'absolute'; readonly at: EpochMs }
  | { readonly kind: 'relative'; readonly back: Milliseconds; readonly floor: 'day' | null }

export interface TimeRange {
  readonly from: TimePoint
  readonly to: TimePoint
}

export interface ResolvedRange {
  readonly from: EpochMs
  readonly to: EpochMs
}

/** `local` follows the browser; everything else is an IANA zone name. */
export type ZoneId = string

export const defaultRange: TimeRange = {
  from: { kind: 'relative', back: ms(15 * 60_000), floor: null },
  to: { kind: 'relative', back: ms(0), floor: null },
}

const relative = /^now(?:-([0-9smhdwy]+))?(\/d)?$/
const wallClock = /^(\d{4})-(\d{1,2})-(\d{1,2})(?:[T ](\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d{1,3}))?)?)?$/

export function ianaZone(zone: ZoneId): string {
  if (zone === 'utc') return 'UTC'
  return zone === 'local' ? Intl.DateTimeFormat().resolvedOptions().timeZone : zone
}

export function isZone(zone: string): boolean {
  if (zone === 'local' || zone === 'utc') return true
  try {
    new Intl.DateTimeFormat('en', { timeZone: zone })
    return true
  } catch {
    return false
  }
}

const partsFormats = new Map<string, Intl.DateTimeFormat>()

/** How far the zone's wall clock is ahead of UTC at that instant. */
export function zoneOffset(at: EpochMs, zone: ZoneId): Milliseconds {
  const name = ianaZone(zone)
  let format = partsFormats.get(name)
  if (format === undefined) {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone: name,
      hourCycle: 'h23',
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
      hour: '2-digit',
      minute: '2-digit',
      second: '2-digit',
    })
    partsFormats.set(name, format)
  }
  const field: Record<string, number> = {}
  for (const { type, value } of format.formatToParts(at)) field[type] = Number(value)
  const wall = Date.UTC(
    field.year ?? 0,
    (field.month ?? 1) - 1,
    field.day ?? 1,
    field.hour ?? 0,
    field.minute ?? 0,
    field.second ?? 0,
  )
  return ms(wall - Math.floor(at / 1000) * 1000)
}

/** The instant at which the zone's wall clock shows the given UTC-encoded time. */
function fromWall(wall: number, zone: ZoneId): EpochMs {
  // Twice, because the offset at the guess may differ from the one at the answer (daylight saving).
  const guess = wall - zoneOffset(epochMs(wall), zone)
  return epochMs(wall - zoneOffset(epochMs(guess), zone))
}

export function startOfDay(at: EpochMs, zone: ZoneId): EpochMs {
  const wall = at + zoneOffset(at, zone)
  return fromWall(Math.floor(wall / 86_400_000) * 86_400_000, zone)
}

/** Reads `now-1h`, `now/d`, epoch milliseconds, an ISO instant, or a wall-clock time in `zone`. */
export function parseTimePoint(input: string, zone: ZoneId): TimePoint | null {
  const text = input.trim()
  const rel = relative.exec(text)
  if (rel !== null) {
    const back = rel[1] === undefined ? ms(0) : parseDuration(rel[1])
    return back === null ? null : { kind: 'relative', back, floor: rel[2] === undefined ? null : 'day' }
  }
  if (/^\d{9,15}$/.test(text)) return { kind: 'absolute', at: epochMs(Number(text)) }
  const wall = wallClock.exec(text)
  if (wall !== null) {
    const [, year, month, day, hour = '0', minute = '0', second = '0', milli = '0'] = wall
    const date = new Date(0)
    date.setUTCFullYear(Number(year), Number(month) - 1, Number(day))
    date.setUTCHours(Number(hour), Number(minute), Number(second), Number(milli.padEnd(3, '0')))
    const lands = date.getUTCMonth() === Number(month) - 1 && date.getUTCDate() === Number(day)
    return lands ? { kind: 'absolute', at: fromWall(date.getTime(), zone) } : null
  }
  if (/^\d{4}-.*(Z|[+-]\d{2}:?\d{2})$/.test(text)) {
    const at = Date.parse(text)
    return Number.isNaN(at) ? null : { kind: 'absolute', at: epochMs(at) }
  }
  return null
}

/** The form of a time point in the address bar; `parseTimePoint` reads it back. */
export function encodeTimePoint(point: TimePoint): string {
  if (point.kind === 'absolute') return String(Math.round(point.at))
  return `now${point.back > 0 ? `-${formatDuration(point.back)}` : ''}${point.floor === 'day' ? '/d' : ''}`
}

function resolvePoint(point: TimePoint, now: EpochMs, zone: ZoneId): EpochMs {
  if (point.kind === 'absolute') return point.at
  const at = epochMs(now - point.back)
  return point.floor === 'day' ? startOfDay(at, zone) : at
}

export function resolveRange(range: TimeRange, now: EpochMs, zone: ZoneId): ResolvedRange {
  const from = resolvePoint(range.from, now, zone)
  const to = resolvePoint(range.to, now, zone)
  return from < to ? { from, to } : { from: epochMs(to - 1000), to }
}

/** True when the range ends at the moving present, so that new samples belong to it. */
export function endsNow(range: TimeRange): boolean {
  return range.to.kind === 'relative' && range.to.back === 0 && range.to.floor === null
}

/** The span of a plain `now-X … now` range; null for every other. */
export function relativeSpan(range: TimeRange): Milliseconds | null {
  const { from } = range
  return endsNow(range) && from.kind === 'relative' && from.floor === null ? from.back : null
}

export function absoluteRange(from: number, to: number): TimeRange {
  return {
    from: { kind: 'absolute', at: epochMs(Math.floor(from)) },
    to: { kind: 'absolute', at: epochMs(Math.max(Math.ceil(to), Math.floor(from) + 1000)) },
  }
}

/** Moves a range by a share of its own width; a negative share looks further back. */
export function shiftRange(resolved: ResolvedRange, share: number): TimeRange {
  const by = (resolved.to - resolved.from) * share
  return absoluteRange(resolved.from + by, resolved.to + by)
}

/** Doubles the range around its middle, never past the present. */
export function zoomOut(resolved: ResolvedRange, now: EpochMs): TimeRange {
  const half = (resolved.to - resolved.from) / 2
  const to = Math.min(resolved.to + half, Math.max(now, resolved.to))
  return absoluteRange(to - half * 4, to)
}
