import type { Shift } from '../api/oncall'
import { epochMs } from './brand'
import { startOfDay, type ZoneId } from './time'

/** A day of a calendar; clocks are set, so it has 23 to 25 hours. */
export interface CalendarDay {
  readonly from: number
  readonly to: number
}

/** Days of a zone, the first of which holds a moment. */
export function daysFrom(at: number, count: number, zone: ZoneId): CalendarDay[] {
  const out: CalendarDay[] = []
  let from: number = startOfDay(epochMs(at), zone)
  for (let i = 0; i < count; i++) {
    // The middle of the next day is in it, however clocks are set.
    const to: number = startOfDay(epochMs(from + 36 * 3_600_000), zone)
    out.push({ from, to })
    from = to
  }
  return out
}

/** The first day of the week that holds a moment; weeks begin on Monday. */
export function weekStart(at: number, zone: ZoneId): number {
  const day = startOfDay(epochMs(at), zone)
  // The middle of a day is the same weekday in UTC, shifted by the zone: ask for its name there.
  const name = new Intl.DateTimeFormat('en-US', {
    weekday: 'short',
    ...(zone === 'local' ? {} : { timeZone: zone === 'utc' ? 'UTC' : zone }),
  }).format(day + 12 * 3_600_000)
  const back = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'].indexOf(name)
  return startOfDay(epochMs(day + 12 * 3_600_000 - Math.max(back, 0) * 86_400_000), zone)
}

export interface Piece {
  readonly shift: Shift
  /** Parts of the day, 0 to 1. */
  readonly start: number
  readonly end: number
  /** It goes on before or after this day. */
  readonly before: boolean
  readonly after: boolean
}

/** The parts of shifts that lie in a day. */
export const piecesOf = (day: CalendarDay, shifts: readonly Shift[]): Piece[] =>
  shifts
    .filter(({ from, to }) => from < day.to && to > day.from)
    .map((shift) => {
      const part = (at: number) => (at - day.from) / (day.to - day.from)
      return {
        shift,
        start: Math.max(part(shift.from), 0),
        end: Math.min(part(shift.to), 1),
        before: shift.from < day.from,
        after: shift.to > day.to,
      }
    })

/** The moment at a part of a day, on a whole step. */
export function momentAt(day: CalendarDay, part: number, stepMs: number): number {
  const into = Math.round((Math.min(Math.max(part, 0), 1) * (day.to - day.from)) / stepMs) * stepMs
  return Math.min(day.from + into, day.to)
}

/** What was dragged over, in order, at least one step long. */
export const draggedRange = (a: number, b: number, stepMs: number): { from: number; to: number } => ({
  from: Math.min(a, b),
  to: Math.max(Math.max(a, b), Math.min(a, b) + stepMs),
})

/** A number from a name, the same everywhere: people have the same colours on every screen. */
export function placeOfName(name: string, names: readonly string[]): number {
  const at = names.indexOf(name)
  return at < 0 ? names.length : at
}
