import { Link } from '@tanstack/react-router'
import { useMemo } from 'react'
import type { Timeline, TimelineEntry } from '@/api/incidents'
import type { Tone } from '@/components/watch/kit'
import kit from '@/components/watch/kit.module.css'
import { dateTimeText } from '@/lib/clockText'
import { entryGroups, groupOf, type EntryGroup } from '@/lib/incidents'
import { formatCount } from '@/lib/units'
import { useTimeState } from '@/state/timeSearch'
import styles from './incidents.module.css'
import { useWords } from './words'

const groupTone: Readonly<Record<EntryGroup, Tone>> = {
  alerts: 'bad',
  people: 'good',
  telling: 'warn',
  changes: 'busy',
  errors: 'bad',
}

interface TimelineListProps {
  readonly timeline: Timeline
  readonly show: EntryGroup | undefined
  readonly onShow: (group: EntryGroup | undefined) => void
}

/** All that happened, the newest first. */
export function TimelineList({ timeline, show, onShow }: TimelineListProps) {
  const w = useWords()
  const p = w.page
  const { zone } = useTimeState()
  const { entries, dropped, truncated } = timeline
  const shown = useMemo(
    () => entries.filter((entry) => show === undefined || groupOf(entry) === show).reverse(),
    [entries, show],
  )
  return (
    <>
      <header>
        <h2>{p.timeline}</h2>
        <div className={kit.chips} role="group" aria-label={p.timeline}>
          {entryGroups.map((group) => {
            const count = entries.filter((entry) => groupOf(entry) === group).length
            return (
              <button
                key={group}
                type="button"
                className={kit.chip}
                data-tone={groupTone[group]}
                data-some={count > 0 || undefined}
                aria-pressed={show === group}
                onClick={() => onShow(show === group ? undefined : group)}
              >
                {p.groups[group]} <b>{formatCount(count)}</b>
              </button>
            )
          })}
        </div>
      </header>
      {shown.length === 0 && <p className="muted">{p.empty}</p>}
      <ol className={styles.timeline} aria-label={p.timeline}>
        {shown.map((entry) => (
          <li key={entry.key} data-kind={entry.kind} data-tone={groupTone[groupOf(entry)]}>
            <time dateTime={new Date(entry.at).toISOString()}>{dateTimeText(entry.at, zone)}</time>
            <div className={styles.entry}>
              <Entry entry={entry} />
              {entry.by !== null && <span className="muted"> {w.entry.by(entry.by)}</span>}
            </div>
          </li>
        ))}
      </ol>
      {dropped > 0 && <p className="muted">{p.dropped(dropped)}</p>}
      {truncated && <p className="muted">{p.truncated}</p>}
    </>
  )
}

/** What an entry says, by its kind. */
function Entry({ entry }: { readonly entry: TimelineEntry }) {
  const w = useWords()
  const e = w.entry
  const also = (text: string) => (text === '' ? null : <p>{text}</p>)
  const incidentLink = (text: string) =>
    entry.incident === null ? (
      text
    ) : (
      <Link to="/incidents/$id" params={{ id: String(entry.incident) }}>
        {text}
      </Link>
    )
  switch (entry.kind) {
    case 'opened':
      return e.opened(entry.title)
    case 'firing':
    case 'ended':
      return (
        <>
          {e[entry.kind](entry.name)}
          {also(entry.summary)}
        </>
      )
    case 'severity':
      return e.severity(entry.from, entry.to ?? '')
    case 'acknowledged':
    case 'unacknowledged':
    case 'quiet':
      return e[entry.kind]
    case 'assigned':
      return entry.to === null ? e.assignedNobody : e.assigned(entry.to)
    case 'note':
      return (
        <>
          {e.note}
          <div className={styles.noteText}>{entry.text}</div>
        </>
      )
    case 'title':
      return e.title(entry.to ?? '')
    case 'escalated':
      return (
        <>
          {entry.policy === null ? e.escalatedByHand : e.escalated(entry.policy, entry.step)}
          {also(
            entry.reached ? e.reaches([...entry.schedules, ...entry.people].join(', ')) : e.reachedNobody,
          )}
        </>
      )
    case 'paged':
    case 'notified': {
      const [first] = entry.notifications
      return (
        <>
          {entry.kind === 'paged' ? e.paged(entry.person) : e.notified(first?.receiver ?? '')}
          <p>
            {entry.notifications.map(({ receiver, way, outcome }, at) => (
              <span key={`${receiver} ${at}`} data-tone={outcome === 'failed' ? 'bad' : undefined}>
                {at > 0 && ', '}
                {entry.kind === 'paged' && `${receiver} `}
                {way}: {e.outcome[outcome ?? 'under'] ?? outcome}
              </span>
            ))}
          </p>
        </>
      )
    }
    case 'resolved':
      return entry.by === null ? e.resolvedItself : e.resolved
    case 'reopened':
      return entry.reason === 'refire' ? e.refired : e.reopened
    case 'merged':
      return incidentLink(e.merged(entry.incident ?? 0))
    case 'merged_into':
      return incidentLink(e.merged_into(entry.incident ?? 0))
    case 'split':
      return incidentLink(e.split(entry.incident ?? 0, entry.alertNames.join(', ')))
    case 'split_from':
      return incidentLink(e.split_from(entry.incident ?? 0))
    case 'event':
      return entry.event === null ? (
        entry.kind
      ) : (
        <Link
          to="/events"
          search={{
            from: String(entry.event.time - 300_000),
            to: String(entry.event.time + 300_000),
            event: entry.event.key,
          }}
        >
          {entry.event.kind}: {entry.event.title}
        </Link>
      )
    case 'error':
      return entry.issue === null ? (
        entry.kind
      ) : (
        <Link to="/errors/$id" params={{ id: entry.issue.id }}>
          {(entry.what === 'regressed' ? e.errorAgain : e.errorNew)(entry.issue.title)}
        </Link>
      )
    default:
      // Of a server that knows more kinds than this console.
      return [entry.kind, entry.title, entry.text].filter((part) => part !== '').join(': ')
  }
}
