import { Button, Loader, Menu } from '@mantine/core'
import {
  IconAffiliate,
  IconAlertTriangle,
  IconCalendarEvent,
  IconChartLine,
  IconLogs,
  IconTimeline,
  type Icon,
} from '@tabler/icons-react'
import { Link } from '@tanstack/react-router'
import { useEffect, useState } from 'react'
import type { SignalName } from '@/api/entities'
import { useMessages } from '@/i18n'
import { dateTimeText } from '@/lib/clockText'
import { errorText } from '@/lib/serverError'
import { formatCount } from '@/lib/units'
import { useRelated, type RelatedPoint } from '@/state/related'
import { useTimeState } from '@/state/timeSearch'
import { EntityIcon } from './EntityIcon'
import styles from './RelatedMenu.module.css'

export const signalIcons: Readonly<Record<SignalName, Icon>> = {
  metrics: IconChartLine,
  logs: IconLogs,
  traces: IconTimeline,
  errors: IconAlertTriangle,
  events: IconCalendarEvent,
}

interface RelatedButtonProps {
  readonly point: RelatedPoint
  readonly size?: 'compact-xs' | 'compact-sm' | 'sm'
}

/** The other signals of the same entity and moment, one click away: for a line, a span, an event, an error. */
export function RelatedButton({ point, size }: RelatedButtonProps) {
  const t = useMessages('related').related
  const [opened, setOpened] = useState(false)
  return (
    <Menu opened={opened} onChange={setOpened} position="bottom-start" withinPortal width={300}>
      <Menu.Target>
        <Button variant="default" leftSection={<IconAffiliate size={14} />} {...(size ? { size } : {})}>
          {t.title}
        </Button>
      </Menu.Target>
      <Menu.Dropdown>{opened && <Ways point={point} />}</Menu.Dropdown>
    </Menu>
  )
}

interface RelatedAtProps {
  readonly point: RelatedPoint
  /** Where on the screen it opens. */
  readonly x: number
  readonly y: number
  readonly onClose: () => void
}

/** The same menu at a place, for a point of a chart. */
export function RelatedAt({ point, x, y, onClose }: RelatedAtProps) {
  // A menu that lost what it hangs on would hang in the air.
  useEffect(() => {
    window.addEventListener('scroll', onClose, { passive: true, once: true })
    return () => window.removeEventListener('scroll', onClose)
  }, [onClose])
  return (
    <Menu
      key={`${x}:${y}`}
      opened
      onChange={(opened) => {
        if (!opened) onClose()
      }}
      position="bottom-start"
      withinPortal
      width={300}
    >
      <Menu.Target>
        <i className={styles.anchor} style={{ left: x, top: y }} aria-hidden />
      </Menu.Target>
      <Menu.Dropdown>
        <Ways point={point} />
      </Menu.Dropdown>
    </Menu>
  )
}

function Ways({ point }: { readonly point: RelatedPoint }) {
  const t = useMessages('related').related
  const { zone } = useTimeState()
  const asked = useRelated(point, true)
  const trace =
    point.traceId === undefined ? null : (
      <Menu.Item
        leftSection={<IconTimeline size={15} />}
        renderRoot={(props: object) => (
          <Link {...props} to="/traces/$id" params={{ id: point.traceId ?? '' }} />
        )}
      >
        {t.thisTrace}
      </Menu.Item>
    )
  if (asked.isPending && asked.fetchStatus !== 'idle') {
    return (
      <p className={styles.note}>
        <Loader size={12} /> {t.asking}
      </p>
    )
  }
  const found = asked.data?.found ?? null
  if (found === null || asked.data === undefined) {
    return (
      <>
        {trace}
        <p className={styles.note}>{asked.error === null ? t.nobody : errorText(asked.error.message)}</p>
      </>
    )
  }
  const range = asked.data.range
  const others = found.entities.filter(
    ({ type, id, known }) => known && (type !== found.entity.type || id !== found.entity.id),
  )
  const at = { from: String(range.from), to: String(range.to) }
  return (
    <>
      <Menu.Label>{t.around(dateTimeText(Math.round(point.time), zone))}</Menu.Label>
      {trace}
      {asked.data.ways.map((way) => {
        const Sign = signalIcons[way.signal]
        return (
          <Menu.Item
            key={way.signal}
            data-signal={way.signal}
            leftSection={<Sign size={15} />}
            rightSection={
              <b className={styles.count} data-none={way.count === 0 || undefined}>
                {t.counts[way.signal](way.count, formatCount(way.count))}
              </b>
            }
            renderRoot={(props: object) => <Link {...props} to={way.to} search={way.search as never} />}
          >
            {t.signals[way.signal]}
            {way.of !== null && <em className={styles.of}> {way.of}</em>}
          </Menu.Item>
        )
      })}
      <Menu.Divider />
      {found.entity.lastSeen !== null && <EntityItem type={found.entity.type} id={found.entity.id} at={at} />}
      {others.map(({ type, id }) => (
        <EntityItem key={`${type}/${id}`} type={type} id={id} at={at} />
      ))}
      {found.entity.lastSeen === null && others.length === 0 && <p className={styles.note}>{t.unknown}</p>}
    </>
  )
}

interface EntityItemProps {
  readonly type: string
  readonly id: string
  readonly at: { readonly from: string; readonly to: string }
}

function EntityItem({ type, id, at }: EntityItemProps) {
  const types: Readonly<Record<string, string>> = useMessages('related').related.entityTypes
  return (
    <Menu.Item
      leftSection={<EntityIcon type={type} size={15} />}
      renderRoot={(props: object) => (
        <Link {...props} to="/entities/$type" params={{ type }} search={{ id, ...at }} />
      )}
    >
      <span className={styles.entity}>
        <em>{types[type] ?? type}</em> <span>{id}</span>
      </span>
    </Menu.Item>
  )
}
