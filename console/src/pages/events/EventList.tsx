import { Button, Loader } from '@mantine/core'
import { IconArrowUp } from '@tabler/icons-react'
import { useEffect, useRef, useState } from 'react'
import type { ServerEvent } from '@/api/events'
import { WindowList } from '@/components/WindowList'
import { useMessages } from '@/i18n'
import { exactTimeText } from '@/lib/clockText'
import { formatCount, formatSeconds } from '@/lib/units'
import { useTimeState } from '@/state/timeSearch'
import styles from './EventList.module.css'
import type { Events } from './useEvents'

interface EventListProps {
  readonly found: Events
  readonly open: string | null
  /** The row that is brought into view when it changes. */
  readonly walkedTo: string | null
  readonly onPick: (key: string | undefined) => void
  readonly narrow: boolean
}

const rowPixels = 32
const narrowRowPixels = 54
/** Who scrolled farther below the top of the list reads older ones. */
const awayPixels = 120
const keyOf = (event: ServerEvent) => event.key

/** Events one by one, the newest first: those that come while one reads older ones offer themselves. */
export function EventList({ found, open, walkedTo, onPick, narrow }: EventListProps) {
  const e = useMessages('events').events
  const host = useRef<HTMLDivElement>(null)
  // The newest that was shown when one left the top.
  const [held, setHeld] = useState<string | null>(null)
  const all = found.events
  const first = all[0]?.key ?? null
  const latest = useRef(first)
  useEffect(() => {
    latest.current = first
  })
  useEffect(() => {
    const listen = () => {
      const away = (host.current?.getBoundingClientRect().top ?? 0) < -awayPixels
      setHeld((old) => (away ? (old ?? latest.current) : null))
    }
    window.addEventListener('scroll', listen, { passive: true })
    return () => window.removeEventListener('scroll', listen)
  }, [])
  const waiting =
    held === null
      ? 0
      : Math.max(
          all.findIndex(({ key }) => key === held),
          0,
        )
  const shown = waiting === 0 ? all : all.slice(waiting)
  const size = narrow ? narrowRowPixels : rowPixels
  return (
    <section ref={host} className={styles.list} aria-label={e.list}>
      {waiting > 0 && (
        <Button
          className={styles.fresh}
          size="compact-sm"
          leftSection={<IconArrowUp size={14} />}
          onClick={() => {
            setHeld(null)
            window.scrollTo({ top: 0 })
          }}
        >
          {e.fresh(waiting)}
        </Button>
      )}
      <WindowList label={e.list} items={shown} itemKey={keyOf} size={() => size} chosen={walkedTo}>
        {(event) => <Row event={event} open={event.key === open} narrow={narrow} onPick={onPick} />}
      </WindowList>
      <Footer found={found} />
    </section>
  )
}

interface RowProps {
  readonly event: ServerEvent
  readonly open: boolean
  readonly narrow: boolean
  readonly onPick: (key: string | undefined) => void
}

function Row({ event, open, narrow, onPick }: RowProps) {
  const results = useMessages().common.results
  const { zone } = useTimeState()
  const time = exactTimeText(event.time, zone)
  return (
    <button
      type="button"
      className={styles.row}
      data-narrow={narrow || undefined}
      data-severity={event.severity}
      aria-pressed={open}
      onClick={() => onPick(open ? undefined : event.key)}
    >
      <time dateTime={new Date(event.time).toISOString()}>
        <span>{time.slice(0, 11)}</span>
        {time.slice(11, 19)}
      </time>
      <span className={styles.kind}>
        <span className="clip">{event.kind}</span>
      </span>
      <span className={`${styles.service ?? ''} clip`}>
        {event.service === '' ? event.host : event.service}
      </span>
      <span className={`${styles.what ?? ''} clip`}>{event.title}</span>
      <span className={styles.result} data-result={event.result}>
        {results[event.result] ?? event.result}
      </span>
      <span className={styles.took}>
        {event.durationNs === null ? '' : formatSeconds(event.durationNs / 1e9, 2)}
      </span>
    </button>
  )
}

/** The end of what is loaded: coming near it loads more. */
function Footer({ found }: { readonly found: Events }) {
  const e = useMessages('events').events
  const end = useRef<HTMLDivElement>(null)
  const { hasMore, loadMore } = found
  const latest = useRef(loadMore)
  useEffect(() => {
    latest.current = loadMore
  })
  const count = found.events.length
  useEffect(() => {
    const node = end.current
    if (node === null || !hasMore) return undefined
    const observer = new IntersectionObserver(
      (entries) => {
        if (entries.some((entry) => entry.isIntersecting)) latest.current()
      },
      { rootMargin: '600px' },
    )
    observer.observe(node)
    return () => observer.disconnect()
  }, [hasMore, count])
  return (
    <div ref={end} className={styles.footer}>
      {found.full ? (
        e.full(formatCount(count))
      ) : hasMore ? (
        <>
          {found.loadingMore && <Loader size={12} />}
          <Button variant="subtle" size="compact-sm" onClick={loadMore}>
            {e.more}
          </Button>
        </>
      ) : (
        e.end(count, formatCount(count))
      )}
    </div>
  )
}
