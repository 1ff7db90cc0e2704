import { ianaZone, type ZoneId } from './time'

const formats = new Map<string, Intl.DateTimeFormat>()

function format(zone: ZoneId, shape: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const name = ianaZone(zone)
  const key = `${name}|${shape}`
  let known = formats.get(key)
  if (known === undefined) {
    // Swedish writes dates as ISO 8601 does, which every reader understands.
    known = new Intl.DateTimeFormat('sv-SE', { timeZone: name, hourCycle: 'h23', ...options })
    formats.set(key, known)
  }
  return known
}

const day: Intl.DateTimeFormatOptions = { year: 'numeric', month: '2-digit', day: '2-digit' }
const minute: Intl.DateTimeFormatOptions = { hour: '2-digit', minute: '2-digit' }
const second: Intl.DateTimeFormatOptions = { ...minute, second: '2-digit' }

/** `2026-11-21 14:03:05` in the zone. */
export const dateTimeText = (at: number, zone: ZoneId): string =>
  format(zone, 'full', { ...day, ...second }).format(at)

/** Like `dateTimeText`, with milliseconds when there are any. */
export function exactTimeText(at: number, zone: ZoneId): string {
  const milli = ((Math.round(at) % 1000) + 1000) % 1000
  return dateTimeText(at, zone) + (milli === 0 ? '' : `.${String(milli).padStart(3, '0')}`)
}

export const clockText = (at: number, zone: ZoneId): string => format(zone, 'second', second).format(at)

/** Axis labels: only as much of the time as the distance between ticks calls for. */
export function tickTexts(ticks: readonly number[], spacingMs: number, zone: ZoneId): string[] {
  const date = (at: number) => dateTimeText(at, zone).slice(5, 10)
  if (spacingMs >= 300 * 86_400_000) return ticks.map((at) => dateTimeText(at, zone).slice(0, 4))
  if (spacingMs >= 86_400_000) return ticks.map(date)
  const clock = spacingMs < 60_000 ? format(zone, 'second', second) : format(zone, 'minute', minute)
  let shown = ''
  return ticks.map((at, index) => {
    const today = date(at)
    const turned = index > 0 && shown !== '' && today !== shown
    shown = today
    return turned ? `${clock.format(at)}\n${today}` : clock.format(at)
  })
}

/** `UTC`, `UTC+8`, `UTC-3:30`. */
export function offsetText(offsetMs: number): string {
  if (offsetMs === 0) return 'UTC'
  const minutes = Math.abs(Math.round(offsetMs / 60_000))
  const rest = minutes % 60
  const sign = offsetMs < 0 ? '-' : '+'
  return `UTC${sign}${Math.floor(minutes / 60)}${rest === 0 ? '' : `:${String(rest).padStart(2, '0')}`}`
}
