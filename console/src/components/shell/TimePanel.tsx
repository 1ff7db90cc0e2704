import { ActionIcon, Button, Popover, Portal, Select, TextInput } from '@mantine/core'
import { IconCalendar } from '@tabler/icons-react'
import { useMemo, useRef, useState, type SyntheticEvent } from 'react'
import { Tooltip } from '../Tooltip'
import { useMessages } from '@/i18n'
import { epochMs, type EpochMs } from '@/lib/brand'
import { dateTimeText, offsetText } from '@/lib/clockText'
import {
  encodeTimePoint,
  parseTimePoint,
  resolveRange,
  zoneOffset,
  type TimePoint,
  type ZoneId,
} from '@/lib/time'
import { useTimeState } from '@/state/timeSearch'
import { spanName } from './TimeControl'
import styles from './TimePanel.module.css'

const spans = ['5m', '15m', '30m', '1h', '3h', '6h', '12h', '24h', '2d', '7d', '30d', '90d']

function write(point: TimePoint, zone: ZoneId): string {
  return point.kind === 'absolute' ? dateTimeText(point.at, zone) : encodeTimePoint(point)
}

/** Every zone the browser knows, with its present offset. */
function zoneChoices(local: string, utc: string): { value: string; label: string }[] {
  const now = epochMs(Date.now())
  const offset = (zone: ZoneId) => offsetText(zoneOffset(now, zone))
  return [
    { value: 'local', label: `${local} (${offset('local')})` },
    { value: 'utc', label: utc },
    ...Intl.supportedValuesOf('timeZone')
      .filter((zone) => zone !== 'UTC')
      .map((zone) => ({ value: zone, label: `${zone.replaceAll('_', ' ')} (${offset(zone)})` })),
  ]
}

interface TimePanelProps {
  /** The control that it hangs below. */
  readonly at: DOMRect
  readonly onClose: () => void
}

export function TimePanel({ at: { left, top, width, height }, onClose }: TimePanelProps) {
  const t = useMessages()
  return (
    <Portal>
      <Popover
        opened
        onChange={(opened) => !opened && onClose()}
        position="bottom-end"
        trapFocus
        withinPortal
      >
        <Popover.Target>
          <i
            aria-label={t.time.range}
            style={{ position: 'fixed', left, top, width, height, pointerEvents: 'none' }}
          />
        </Popover.Target>
        <Popover.Dropdown p={0}>
          <Choice onClose={onClose} />
        </Popover.Dropdown>
      </Popover>
    </Portal>
  )
}

function Choice({ onClose }: { readonly onClose: () => void }) {
  const t = useMessages()
  const { range, zone, setRange, setZone } = useTimeState()
  const [from, setFrom] = useState(write(range.from, zone))
  const [to, setTo] = useState(write(range.to, zone))
  const zones = useMemo(() => zoneChoices(t.time.local, t.time.utc), [t])
  const start = parseTimePoint(from, zone)
  const end = parseTimePoint(to, zone)
  const now = epochMs(Date.now())
  const at = (point: TimePoint): EpochMs => resolveRange({ from: point, to: point }, now, zone).to
  const wrongOrder = start !== null && end !== null && at(start) >= at(end)

  const choose = (fromText: string, toText: string) => {
    const [first, last] = [parseTimePoint(fromText, zone), parseTimePoint(toText, zone)]
    if (first === null || last === null) return
    setRange({ from: first, to: last })
    onClose()
  }
  const submit = (event: SyntheticEvent) => {
    event.preventDefault()
    if (!wrongOrder) choose(from, to)
  }
  return (
    <div className={styles.panel}>
      <div className={styles.quick} role="group" aria-label={t.time.quick}>
        {spans.map((span) => (
          <button key={span} type="button" onClick={() => choose(`now-${span}`, 'now')}>
            {spanName(span, t)}
          </button>
        ))}
        <button type="button" onClick={() => choose('now/d', 'now')}>
          {t.time.today}
        </button>
        <button type="button" onClick={() => choose('now-1d/d', 'now/d')}>
          {t.time.yesterday}
        </button>
      </div>
      <form className={styles.absolute} onSubmit={submit}>
        <h3>{t.time.absolute}</h3>
        <TimeField
          label={t.time.from}
          value={from}
          onChange={setFrom}
          error={start === null ? t.time.invalid : null}
        />
        <TimeField
          label={t.time.to}
          value={to}
          onChange={setTo}
          error={end === null ? t.time.invalid : wrongOrder ? t.time.order : null}
        />
        <Button type="submit" fullWidth disabled={start === null || end === null || wrongOrder}>
          {t.time.apply}
        </Button>
        <Select
          label={t.time.zone}
          data={zones}
          value={zone}
          onChange={(value) => value !== null && setZone(value)}
          searchable
          limit={60}
          allowDeselect={false}
          comboboxProps={{ withinPortal: false }}
          mt="auto"
        />
      </form>
    </div>
  )
}

interface TimeFieldProps {
  readonly label: string
  readonly value: string
  readonly onChange: (value: string) => void
  readonly error: string | null
}

/** Free text, because `now-1h` is quicker to write than to pick; the calendar of the browser is one click away. */
function TimeField({ label, value, onChange, error }: TimeFieldProps) {
  const t = useMessages()
  const picker = useRef<HTMLInputElement>(null)
  return (
    <div className={styles.field}>
      <TextInput
        label={label}
        value={value}
        onChange={(event) => onChange(event.currentTarget.value)}
        error={error}
        spellCheck={false}
        rightSection={
          <Tooltip label={t.time.pick}>
            <ActionIcon
              size="sm"
              aria-label={`${label}: ${t.time.pick}`}
              onClick={() => picker.current?.showPicker()}
            >
              <IconCalendar size={15} stroke={1.6} />
            </ActionIcon>
          </Tooltip>
        }
      />
      <input
        ref={picker}
        className={styles.picker}
        type="datetime-local"
        step={1}
        tabIndex={-1}
        aria-hidden
        onChange={(event) =>
          event.currentTarget.value !== '' && onChange(event.currentTarget.value.replace('T', ' '))
        }
      />
    </div>
  )
}
