import type { ErrorEvent } from '@/api/errorEvent'
import { useMessages } from '@/i18n'
import { dateTimeText } from '@/lib/clockText'
import { useTimeState } from '@/state/timeSearch'
import { Attachments } from './Attachments'
import { Breadcrumbs } from './Breadcrumbs'
import { DataView, Pairs } from './DataView'
import { EventBar } from './EventBar'
import styles from './EventView.module.css'
import { Section } from './Section'
import { StackView } from './StackView'
import { Ways } from './Ways'

interface EventViewProps {
  readonly event: ErrorEvent
  readonly raw: boolean
  readonly onRaw: (raw: boolean) => void
  readonly onEvent: (id: string) => void
}

const empty = (value: unknown): boolean =>
  value === null || value === undefined || (typeof value === 'object' && Object.keys(value).length === 0)

/** Everything that one failure left behind. */
export function EventView({ event, raw, onRaw, onEvent }: EventViewProps) {
  const i = useMessages('issue').issue
  return (
    <div className={styles.event}>
      <EventBar event={event} onEvent={onEvent} />
      <Tags event={event} />
      <Ways event={event} />
      <StackView event={event} raw={raw} onRaw={onRaw} />
      <Breadcrumbs event={event} />
      <RequestView event={event} />
      {event.user.length > 0 && (
        <Section title={i.user}>
          <Pairs pairs={event.user} />
        </Section>
      )}
      {event.contexts.map((context) => (
        <Section key={context.name} title={context.name}>
          <DataView value={context.value} />
        </Section>
      ))}
      {!empty(event.extra) && (
        <Section title={i.extra}>
          <DataView value={event.extra} />
        </Section>
      )}
      <Attachments event={event} />
      {event.modules.length > 0 && (
        <details className={styles.modules}>
          <summary>{i.modules(event.modules.length)}</summary>
          <Pairs pairs={event.modules} />
        </details>
      )}
      <Provenance event={event} />
    </div>
  )
}

/** What it was, in words to search by. */
function Tags({ event }: { readonly event: ErrorEvent }) {
  const { release, environment, service, host, transaction, platform, logger, dist } = event
  const known = { service, environment, release, dist, transaction, host, platform, logger }
  const named = Object.entries(known).filter(([, value]) => value !== '')
  const repeated = (name: string, value: string) =>
    named.some((each) => each[0] === name && each[1] === value)
  const all = [...named, ...event.tags.filter(([name, value]) => !repeated(name, value))]
  if (all.length === 0) return null
  return (
    <ul className={styles.tags}>
      {all.map(([name, value], index) => (
        <li key={`${name}${index}`}>
          <span>{name}</span>
          <b>{value}</b>
        </li>
      ))}
    </ul>
  )
}

function RequestView({ event }: { readonly event: ErrorEvent }) {
  const i = useMessages('issue').issue
  const { request } = event
  if (request === null) return null
  const query = request.query === '' ? '' : `?${request.query}`
  return (
    <Section title={i.request}>
      <p className={styles.request}>
        <b>{request.method}</b> {request.url}
        {request.url.includes('?') ? '' : query}
      </p>
      {!empty(request.data) && request.data !== '' && <Pairs pairs={[[i.body, request.data]]} />}
      {request.headers.length > 0 && <Pairs pairs={request.headers} />}
    </Section>
  )
}

const isOrigin = (word: string): word is 'sentry' | 'span' | 'log' | 'text' =>
  ['sentry', 'span', 'log', 'text'].includes(word)

/** Where the event came from, and what of it was cut. */
function Provenance({ event }: { readonly event: ErrorEvent }) {
  const i = useMessages('issue').issue
  const { zone } = useTimeState()
  return (
    <p className={styles.provenance}>
      {isOrigin(event.origin) ? i.origins[event.origin] : event.origin}
      {event.sdk !== '' && ` · ${event.sdk}`}
      {` · ${i.accepted(dateTimeText(event.accepted, zone))}`}
      {event.leftOut > 0 && ` · ${i.leftOut(event.leftOut)}`}
    </p>
  )
}
