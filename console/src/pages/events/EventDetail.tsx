import { ActionIcon, Button, Skeleton, Tooltip } from '@mantine/core'
import { IconExternalLink, IconLink, IconLogs, IconPlus, IconTimeline, IconX } from '@tabler/icons-react'
import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import type { ServerEvent } from '@/api/events'
import { RelatedButton } from '@/components/related/RelatedMenu'
import { useCopy } from '@/components/useCopy'
import { Way } from '@/components/Way'
import { useMessages } from '@/i18n'
import { exactTimeText } from '@/lib/clockText'
import { quote } from '@/lib/matcher'
import { nanosText } from '@/lib/nanos'
import { formatSeconds } from '@/lib/units'
import { useTimeState } from '@/state/timeSearch'
import { traceIdPattern } from '@/state/traceSearch'
import styles from './EventDetail.module.css'
import { linkTo } from './eventLink'
import type { EventsState } from './eventsState'
import { useRangeNow } from './useRangeNow'

interface EventDetailProps {
  /** null while it is not known, undefined if there is none of the link. */
  readonly event: ServerEvent | null | undefined
  readonly state: EventsState
  readonly onClose: () => void
}

/** Only what a browser opens safely is a link; others are shown as text. */
const webAddress = /^https?:\/\//i
const aroundMs = 5 * 60_000

/** Everything that is known of an event, and the ways from it. */
export function EventDetail({ event, state, onClose }: EventDetailProps) {
  const t = useMessages('events')
  return (
    <aside className={styles.detail} aria-label={t.events.detail}>
      <ActionIcon className={styles.close} aria-label={t.common.close} onClick={onClose}>
        <IconX size={16} />
      </ActionIcon>
      {event === null ? (
        <Skeleton height={180} />
      ) : event === undefined ? (
        <p className={styles.note}>{t.events.gone}</p>
      ) : (
        <Known event={event} state={state} />
      )}
    </aside>
  )
}

function Known({ event, state }: { readonly event: ServerEvent; readonly state: EventsState }) {
  const t = useMessages('events')
  const e = t.events
  const { zone } = useTimeState()
  const copy = useCopy()
  const rangeNow = useRangeNow()
  const { text, rest } = nanosText(event.ns, zone)
  const around = {
    from: String(event.time - aroundMs),
    to: String(Math.min((event.end ?? event.time) + aroundMs, Math.max(Date.now(), event.time + 1))),
  }
  const facts: readonly (readonly [string, ReactNode])[] = [
    [e.time, `${text}${rest}`],
    ...(event.durationNs === null
      ? []
      : [
          [
            e.duration,
            `${formatSeconds(event.durationNs / 1e9, 4)} → ${exactTimeText(event.end ?? event.time, zone)}`,
          ] as const,
        ]),
    [e.severity, e.severities[event.severity] ?? event.severity],
    ...(event.result === '' ? [] : [[e.result, t.common.results[event.result] ?? event.result] as const]),
    ...(event.subject === '' ? [] : [[e.subject, event.subject] as const]),
    ...(event.source === '' ? [] : [[e.source, event.source] as const]),
    ...(event.id === '' ? [] : [[e.id, <code key="id">{event.id}</code>] as const]),
    ...(event.link === '' || webAddress.test(event.link) ? [] : [[e.linkName, event.link] as const]),
  ]
  const trace = traceIdPattern.test(event.traceId) ? event.traceId.toLowerCase() : null
  return (
    <>
      <header className={styles.head} data-severity={event.severity}>
        <span>{event.kind}</span>
        <h2>{event.title}</h2>
      </header>
      {event.text !== '' && event.text !== event.title && <pre className={styles.text}>{event.text}</pre>}
      <div className={styles.actions}>
        <RelatedButton
          point={{
            labels: event.attributes,
            time: event.time,
            ...(trace === null ? {} : { traceId: trace }),
          }}
        />
        {trace !== null && (
          <Button
            variant="default"
            leftSection={<IconTimeline size={14} />}
            renderRoot={(props) => (
              <Link
                {...props}
                to="/traces/$id"
                params={{ id: trace }}
                search={event.spanId === '' ? {} : { span: event.spanId }}
              />
            )}
          >
            {e.toTrace}
          </Button>
        )}
        {event.service !== '' && (
          <Way
            to="/logs"
            search={{ q: `{service_name=${quote(event.service)}}`, ...around }}
            icon={<IconLogs size={14} />}
          >
            {e.toLogs}
          </Way>
        )}
        {webAddress.test(event.link) && (
          <Button
            variant="default"
            leftSection={<IconExternalLink size={14} />}
            renderRoot={(props) => (
              <a {...props} href={event.link} target="_blank" rel="noreferrer noopener" />
            )}
          >
            {e.toLink}
          </Button>
        )}
        <Button
          variant="default"
          leftSection={<IconLink size={14} />}
          onClick={() => void copy(linkTo(state.search, rangeNow(), event), e.linkCopied)}
        >
          {e.linkEvent}
        </Button>
      </div>
      <dl className={styles.facts}>
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      <Attributes event={event} state={state} />
    </>
  )
}

const entityOf: Readonly<Record<string, string>> = { 'service.name': 'service', 'host.name': 'host' }

function Attributes({ event, state }: { readonly event: ServerEvent; readonly state: EventsState }) {
  const e = useMessages('events').events
  const names = Object.keys(event.attributes)
  if (names.length === 0) return null
  return (
    <table className={styles.attributes}>
      <caption>{e.attributes}</caption>
      <tbody>
        {names.map((name) => {
          const value = event.attributes[name] ?? ''
          const pair = `${name}:${value}`
          const pressed = state.search.attr?.includes(pair) === true
          const type = entityOf[name]
          const namespace = name === 'service.name' ? event.attributes['service.namespace'] : undefined
          return (
            <tr key={name}>
              <td>
                <Tooltip label={e.onlyWith(name)}>
                  <ActionIcon
                    size="xs"
                    aria-label={e.onlyWith(name)}
                    aria-pressed={pressed}
                    onClick={() => state.toggle('attr', pair)}
                  >
                    <IconPlus size={12} />
                  </ActionIcon>
                </Tooltip>
              </td>
              <th scope="row">{name}</th>
              <td className={styles.value}>
                {type === undefined ? (
                  value
                ) : (
                  <Link
                    to="/entities/$type"
                    params={{ type }}
                    search={{ id: namespace === undefined ? value : `${namespace}/${value}` }}
                  >
                    {value}
                  </Link>
                )}
              </td>
            </tr>
          )
        })}
      </tbody>
    </table>
  )
}
