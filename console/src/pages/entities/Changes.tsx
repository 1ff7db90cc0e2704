import { Button } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import { useMemo, useState } from 'react'
import type { EntityPage } from '@/api/entities'
import type { ServerEvent } from '@/api/events'
import { useMessages } from '@/i18n'
import { dateTimeText } from '@/lib/clockText'
import { changesOf, type Change } from '@/lib/entityChanges'
import { useNow } from '@/state/live'
import { useTimeState } from '@/state/timeSearch'
import styles from './Side.module.css'
import { EntityLink } from './entityParts'

interface ChangesProps {
  readonly entity: EntityPage
  readonly events: readonly ServerEvent[]
  readonly range: { readonly from: number; readonly to: number }
}

const shownFirst = 30

/** What became different in the range: attributes, relations, and events that change things. */
export function Changes({ entity, events, range }: ChangesProps) {
  const e = useMessages('entities').entities
  const now = useNow()
  const { zone } = useTimeState()
  const [all, setAll] = useState(false)
  const changes = useMemo(() => changesOf({ ...entity, events }, range, now), [entity, events, range, now])
  const shown = all ? changes : changes.slice(0, shownFirst)
  return (
    <section className={styles.panel} aria-label={e.changes}>
      <h2>{e.changes}</h2>
      {changes.length === 0 && <p className={styles.note}>{e.noChanges}</p>}
      <ol className={styles.changes}>
        {shown.map((change, i) => (
          <li key={`${change.time}-${i}`} data-what={change.what}>
            <time dateTime={new Date(change.time).toISOString()}>{dateTimeText(change.time, zone)}</time>
            <Told change={change} />
          </li>
        ))}
      </ol>
      {changes.length > shown.length && (
        <Button variant="subtle" size="compact-sm" onClick={() => setAll(true)}>
          {e.showAll(changes.length)}
        </Button>
      )}
    </section>
  )
}

function Told({ change }: { readonly change: Change }) {
  const t = useMessages('entities')
  const e = t.entities
  if (change.what === 'event') {
    const { event } = change
    return (
      <div data-severity={event.severity}>
        <b>{event.kind}</b>{' '}
        <Link
          to="/events"
          search={{
            event: event.key,
            ...(event.service === '' ? {} : { service: [event.service] }),
            from: String(event.time - 1_800_000),
            to: String(Math.min(event.time + 1_800_000, Math.max(Date.now(), event.time + 1))),
          }}
        >
          {event.title}
        </Link>{' '}
        <span className="muted">{t.common.results[event.result] ?? event.result}</span>
      </div>
    )
  }
  if (change.what === 'attribute') {
    return (
      <div>
        <b>{change.name}</b>{' '}
        <span className={styles.values}>
          <del>{change.before}</del> → <ins>{change.after}</ins>
        </span>
      </div>
    )
  }
  const { relation, incoming, type, id } = change.neighbour
  const name = e.relations[`${relation}_${incoming ? 'in' : 'out'}`] ?? relation
  return (
    <div className={styles.relation}>
      <span>{change.what === 'begins' ? e.begins(name) : e.ends(name)}</span>
      <EntityLink type={type} id={id} />
    </div>
  )
}
