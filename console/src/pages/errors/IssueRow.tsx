import { Link } from '@tanstack/react-router'
import { memo } from 'react'
import type { Issue } from '@/api/errors'
import { Badges } from '@/components/issues/Badges'
import { CountBars } from '@/components/issues/CountBars'
import { useMessages } from '@/i18n'
import { formatUptime } from '@/lib/ago'
import { dateTimeText } from '@/lib/clockText'
import { titleParts, whereOf } from '@/lib/issueText'
import { formatCount } from '@/lib/units'
import { useNow } from '@/state/live'
import { useTimeState } from '@/state/timeSearch'
import styles from './IssueRow.module.css'

interface IssueRowProps {
  readonly issue: Issue
  readonly marked: boolean
  readonly current: boolean
  readonly onMark: (issue: Issue, range: boolean) => void
}

/** Drawn anew only when something of it changes: a list that scrolls draws many. */
export const IssueRow = memo(function IssueRow({ issue, marked, current, onMark }: IssueRowProps) {
  const t = useMessages('inbox')
  const i = t.inbox
  const now = useNow()
  const { zone } = useTimeState()
  const [head, rest] = titleParts(issue)
  const ago = (at: number) => t.common.ago(formatUptime((now - at) / 1000, t.locale))
  return (
    <div
      className={styles.row}
      data-current={current || undefined}
      data-marked={marked || undefined}
      style={{ borderLeftColor: `var(--wf-level-${issue.level})` }}
    >
      <input
        type="checkbox"
        className={styles.mark}
        aria-label={i.select(issue.title)}
        checked={marked}
        onChange={() => undefined}
        onClick={(event) => onMark(issue, event.shiftKey)}
      />
      <div className={styles.what}>
        <span className={styles.title}>
          <Link
            to="/errors/$id"
            params={{ id: issue.id }}
            className={styles.link}
            aria-current={current || undefined}
            title={issue.title}
          >
            <b>{head}</b> {rest !== '' && <span>{rest}</span>}
          </Link>
          <Badges issue={issue} now={now} />
        </span>
        <span className={styles.culprit}>{issue.culprit === '' ? '–' : issue.culprit}</span>
        <span className={styles.facts}>
          <span className={styles.word}>{i.levels[issue.level]}</span>
          <span>{whereOf(issue)}</span>
          <span title={`${i.lastSeen} ${dateTimeText(issue.lastSeen, zone)}`}>{ago(issue.lastSeen)}</span>
          <span title={`${i.firstSeen} ${dateTimeText(issue.firstSeen, zone)}`}>
            {i.since(formatUptime((now - issue.firstSeen) / 1000, t.locale))}
          </span>
          {issue.lastRelease !== '' && <span className="mono">{issue.lastRelease}</span>}
        </span>
      </div>
      <div className={styles.bars}>
        <CountBars counts={issue.buckets} label={i.inRange(formatCount(issue.eventsInRange))} />
      </div>
      <span className={`${styles.number} ${styles.events}`} title={i.eventsEver(formatCount(issue.events))}>
        <b>{formatCount(issue.eventsInRange)}</b>
        <small>{i.eventsWord}</small>
      </span>
      <span className={`${styles.number} ${styles.users}`}>
        <b>{formatCount(issue.users)}</b>
        <small>{i.usersWord}</small>
      </span>
      <span className={styles.assigned} title={issue.assigned ?? i.filters.nobody}>
        {issue.assigned === null ? (
          <i className={styles.nobody} aria-label={i.filters.nobody} />
        ) : (
          <>
            <i aria-hidden>{issue.assigned.slice(0, 1).toUpperCase()}</i>
            <span className="clip">{issue.assigned}</span>
          </>
        )}
      </span>
    </div>
  )
})
