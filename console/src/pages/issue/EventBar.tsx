import { ActionIcon, Tooltip } from '@mantine/core'
import {
  IconChevronLeft,
  IconChevronRight,
  IconChevronsLeft,
  IconChevronsRight,
  IconCopy,
} from '@tabler/icons-react'
import type { ErrorEvent } from '@/api/errorEvent'
import { LevelMark } from '@/components/issues/Badges'
import { useCopy } from '@/components/useCopy'
import { useMessages } from '@/i18n'
import { exactTimeText } from '@/lib/clockText'
import { useTimeState } from '@/state/timeSearch'
import styles from './EventBar.module.css'

interface EventBarProps {
  readonly event: ErrorEvent
  readonly onEvent: (id: string) => void
}

/** Which event is shown, and the way to the ones beside it. */
export function EventBar({ event, onEvent }: EventBarProps) {
  const t = useMessages('issue')
  const i = t.issue
  const copy = useCopy()
  const { zone } = useTimeState()
  const beside = event.neighbours
  const steps = [
    { name: 'oldest', icon: IconChevronsLeft, to: beside?.older == null ? null : beside.oldest, key: '' },
    { name: 'older', icon: IconChevronLeft, to: beside?.older ?? null, key: '  k' },
    { name: 'newer', icon: IconChevronRight, to: beside?.newer ?? null, key: '  j' },
    { name: 'newest', icon: IconChevronsRight, to: beside?.newer == null ? null : beside.newest, key: '' },
  ] as const
  return (
    <div className={styles.bar}>
      <LevelMark level={event.level} />
      <time className="tnum" dateTime={new Date(event.time).toISOString()}>
        {exactTimeText(event.time, zone)}
      </time>
      <span className={styles.id}>
        {i.event} <code>{event.id.slice(0, 8)}</code>
        <Tooltip label={i.copyId}>
          <ActionIcon size="sm" aria-label={i.copyId} onClick={() => void copy(event.id)}>
            <IconCopy size={13} />
          </ActionIcon>
        </Tooltip>
      </span>
      <a className={styles.json} href={`/api/v1/errors/events/${event.id}`} target="_blank" rel="noreferrer">
        JSON
      </a>
      <span className={styles.steps} role="group" aria-label={i.steps}>
        {steps.map(({ name, icon: Icon, to, key }) => (
          <Tooltip key={name} label={`${i[name]}${key}`}>
            <ActionIcon
              variant="default"
              aria-label={i[name]}
              disabled={to === null}
              onClick={() => to !== null && onEvent(to)}
            >
              <Icon size={16} stroke={1.6} />
            </ActionIcon>
          </Tooltip>
        ))}
      </span>
    </div>
  )
}
