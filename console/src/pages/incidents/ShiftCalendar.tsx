import { useRef, useState, type PointerEvent } from 'react'
import type { Shift } from '@/api/oncall'
import { useMessages } from '@/i18n'
import { dateTimeText } from '@/lib/clockText'
import { draggedRange, momentAt, piecesOf, type CalendarDay } from '@/lib/oncall'
import { ianaZone } from '@/lib/time'
import { useTimeState } from '@/state/timeSearch'
import styles from './incidents.module.css'
import type { ColorOf } from './OncallPage'

interface ShiftCalendarProps {
  readonly days: readonly CalendarDay[]
  readonly shifts: readonly Shift[]
  readonly now: number
  readonly colorOf: ColorOf
  /** Called with the time that was dragged over. */
  readonly onDrag: (range: { from: number; to: number }) => void
}

const stepMs = 30 * 60_000

interface Drag {
  readonly from: number
  readonly to: number
}

/** Shifts, a line for each day. Dragging over a time, also over several days, chooses it. */
export function ShiftCalendar({ days, shifts, now, colorOf, onDrag }: ShiftCalendarProps) {
  const t = useMessages()
  const { zone } = useTimeState()
  const host = useRef<HTMLDivElement>(null)
  const begun = useRef<number | null>(null)
  const [drag, setDrag] = useState<Drag | null>(null)
  /** The moment under the pointer: the day by its height, the time by its place. */
  const under = (event: PointerEvent): number | null => {
    const tracks = host.current?.querySelectorAll<HTMLElement>('[data-track]') ?? []
    let found: number | null = null
    tracks.forEach((track, at) => {
      const { top, bottom, left, width } = track.getBoundingClientRect()
      const day = days[at]
      if (day !== undefined && event.clientY >= top - 2 && event.clientY <= bottom + 2)
        found = momentAt(day, (event.clientX - left) / width, stepMs)
    })
    return found
  }
  const weekday = new Intl.DateTimeFormat(t.locale, {
    weekday: 'short',
    day: 'numeric',
    month: 'short',
    timeZone: ianaZone(zone),
  })
  return (
    <div
      ref={host}
      className={styles.days}
      onPointerDown={(event) => {
        if (event.button !== 0) return
        const at = under(event)
        if (at === null) return
        begun.current = at
        setDrag({ from: at, to: at })
        event.currentTarget.setPointerCapture(event.pointerId)
      }}
      onPointerMove={(event) => {
        const at = begun.current === null ? null : under(event)
        if (begun.current !== null && at !== null) setDrag(draggedRange(begun.current, at, stepMs))
      }}
      onPointerUp={() => {
        // A mere click chooses nothing.
        if (drag !== null && drag.to > drag.from) onDrag(drag)
        begun.current = null
        setDrag(null)
      }}
      onPointerCancel={() => {
        begun.current = null
        setDrag(null)
      }}
    >
      <div className={styles.hours} aria-hidden>
        <span />
        <div>
          {['0', '6', '12', '18', '24'].map((hour) => (
            <span key={hour}>{hour}</span>
          ))}
        </div>
      </div>
      {days.map((day) => {
        const part = (at: number) =>
          `${Math.min(Math.max((at - day.from) / (day.to - day.from), 0), 1) * 100}%`
        const today = now >= day.from && now < day.to
        return (
          <div key={day.from} className={styles.day} data-today={today || undefined}>
            <span>{weekday.format(day.from + 3_600_000)}</span>
            <div className={styles.track} data-track>
              {piecesOf(day, shifts).map(({ shift, start, end, before, after }) => (
                <div
                  key={`${shift.from} ${shift.person}`}
                  className={styles.piece}
                  style={{
                    ...colorOf(shift.person),
                    left: `${start * 100}%`,
                    width: `${(end - start) * 100}%`,
                  }}
                  data-override={shift.override !== null || undefined}
                  data-before={before || undefined}
                  data-after={after || undefined}
                  title={`${shift.person}: ${dateTimeText(shift.from, zone)} – ${dateTimeText(shift.to, zone)}`}
                >
                  {shift.person}
                </div>
              ))}
              {drag !== null && drag.to > day.from && drag.from < day.to && (
                <div
                  className={styles.dragged}
                  style={{ left: part(drag.from), right: `calc(100% - ${part(drag.to)})` }}
                />
              )}
              {today && <i className={styles.nowLine} style={{ left: part(now) }} />}
            </div>
          </div>
        )
      })}
    </div>
  )
}
