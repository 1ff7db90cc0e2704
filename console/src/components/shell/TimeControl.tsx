import { ActionIcon, Popover, Tooltip } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { IconChevronLeft, IconChevronRight, IconClock, IconZoomOut } from '@tabler/icons-react'
import { lazy, Suspense } from 'react'
import { useMessages, type With } from '@/i18n'
import { epochMs } from '@/lib/brand'
import { dateTimeText, offsetText } from '@/lib/clockText'
import { formatDuration } from '@/lib/duration'
import {
  encodeTimePoint,
  relativeSpan,
  zoneOffset,
  type TimePoint,
  type TimeRange,
  type ZoneId,
} from '@/lib/time'
import { useTimeShift } from '@/state/timeShift'
import { useTimeState } from '@/state/timeSearch'
import styles from './TimeControl.module.css'

const TimePanel = lazy(() => import('./TimePanel').then((m) => ({ default: m.TimePanel })))

export function spanName(text: string, t: With): string {
  const [, count = '', unit = ''] = /^(\d+)([mhd])$/.exec(text) ?? []
  const words = unit === 'm' || unit === 'h' || unit === 'd' ? t.time.units[unit](Number(count)) : text
  return t.time.last(words)
}

function pointName(point: TimePoint, zone: ZoneId): string {
  return point.kind === 'absolute' ? dateTimeText(point.at, zone) : encodeTimePoint(point)
}

export function rangeName(range: TimeRange, zone: ZoneId, t: With): string {
  const span = relativeSpan(range)
  if (span !== null) return spanName(formatDuration(span), t)
  const from = encodeTimePoint(range.from)
  const to = encodeTimePoint(range.to)
  if (from === 'now/d' && to === 'now') return t.time.today
  if (from === 'now-1d/d' && to === 'now/d') return t.time.yesterday
  const [start, end] = [pointName(range.from, zone), pointName(range.to, zone)]
  const sameDay = start.length === end.length && start.slice(0, 11) === end.slice(0, 11)
  return `${start} – ${sameDay ? end.slice(11) : end}`
}

/** The global time range: earlier, what is shown, later, wider. */
export function TimeControl() {
  const t = useMessages()
  const { range, zone } = useTimeState()
  const shift = useTimeShift()
  const [open, panel] = useDisclosure(false)
  const zoneText =
    zone === 'local' ? '' : zone === 'utc' ? 'UTC' : offsetText(zoneOffset(epochMs(Date.now()), zone))
  return (
    <div className={styles.control}>
      <Tooltip label={`${t.time.back}  [`}>
        <ActionIcon className={styles.wideOnly} size="lg" onClick={shift.back} aria-label={t.time.back}>
          <IconChevronLeft size={17} stroke={1.6} />
        </ActionIcon>
      </Tooltip>
      <Popover opened={open} onChange={panel.toggle} position="bottom-end" trapFocus withinPortal>
        <Popover.Target>
          <button
            type="button"
            className={styles.range}
            onClick={panel.toggle}
            aria-label={`${t.time.range}: ${rangeName(range, zone, t)}`}
          >
            <IconClock size={15} stroke={1.7} aria-hidden />
            <span className="clip tnum">{rangeName(range, zone, t)}</span>
            {zoneText !== '' && <em>{zoneText}</em>}
          </button>
        </Popover.Target>
        <Popover.Dropdown p={0}>
          <Suspense>{open && <TimePanel onClose={panel.close} />}</Suspense>
        </Popover.Dropdown>
      </Popover>
      <Tooltip label={`${t.time.forward}  ]`}>
        <ActionIcon className={styles.wideOnly} size="lg" onClick={shift.forward} aria-label={t.time.forward}>
          <IconChevronRight size={17} stroke={1.6} />
        </ActionIcon>
      </Tooltip>
      <Tooltip label={`${t.time.zoomOut}  -`}>
        <ActionIcon className={styles.wideOnly} size="lg" onClick={shift.zoomOut} aria-label={t.time.zoomOut}>
          <IconZoomOut size={17} stroke={1.6} />
        </ActionIcon>
      </Tooltip>
    </div>
  )
}
