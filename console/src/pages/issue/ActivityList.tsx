import { Button, TextInput } from '@mantine/core'
import { useState } from 'react'
import type { Happening, IssueDocument, UntilShown } from '@/api/issue'
import type { IssueActions } from '@/components/issues/useIssueActions'
import { useMessages, type With } from '@/i18n'
import { formatUptime } from '@/lib/ago'
import { dateTimeText } from '@/lib/clockText'
import type { ZoneId } from '@/lib/time'
import { useNow } from '@/state/live'
import { useTimeState } from '@/state/timeSearch'
import styles from './ActivityList.module.css'

/** Until when something is ignored, in words. */
export function untilText(until: UntilShown | null, t: With<'issue'>, zone: ZoneId): string {
  const u = t.issue.until
  if (until === null) return u.forever
  const parts = [
    until.at === null ? '' : u.time(dateTimeText(until.at, zone)),
    until.events === null ? '' : u.events(until.events),
    until.users === null ? '' : u.users(until.users),
  ].filter((part) => part !== '')
  return parts.length === 0 ? u.forever : parts.join(u.or)
}

function told(entry: Happening, t: With<'issue'>, zone: ZoneId): string {
  const a = t.issue.activity
  switch (entry.what) {
    case 'created':
      return a.created
    case 'regressed':
      return entry.release === '' ? a.regressed : a.regressedIn(entry.release)
    case 'escalated':
      return a.escalated
    case 'assigned':
      return entry.to === null ? a.unassigned : a.assigned(entry.to)
    case 'merged':
      return a.merged(entry.issues.length)
    case 'split':
      return a.split(entry.issues.length)
    case 'commented':
      return a.commented
    case 'set':
      if (entry.status === 'resolved') {
        if (entry.inRelease !== '') return a.resolvedIn(entry.inRelease)
        return entry.afterRelease === '' ? a.resolved : a.resolvedAfter(entry.afterRelease)
      }
      return entry.status === 'ignored' ? a.ignored(untilText(entry.until, t, zone)) : a.unresolved
    default:
      return entry.what
  }
}

interface ActivityListProps {
  readonly issue: IssueDocument
  readonly actions: IssueActions
  readonly max: number
}

/** What happened to an issue, the newest first, and a place to say something. */
export function ActivityList({ issue, actions, max }: ActivityListProps) {
  const t = useMessages('issue')
  const { zone } = useTimeState()
  const now = useNow()
  const [text, setText] = useState('')
  const comment = async () => {
    const said = text.trim()
    if (said !== '' && (await actions.act([issue.id], { action: 'comment', text: said }))) setText('')
  }
  return (
    <>
      <form
        className={styles.comment}
        onSubmit={(event) => {
          event.preventDefault()
          void comment()
        }}
      >
        <TextInput
          size="xs"
          aria-label={t.issue.activity.comment}
          placeholder={t.issue.activity.comment}
          value={text}
          onChange={(event) => setText(event.currentTarget.value)}
        />
        <Button type="submit" variant="default" disabled={text.trim() === '' || actions.busy}>
          {t.issue.activity.say}
        </Button>
      </form>
      <ol className={styles.activity}>
        {issue.activity.slice(0, max).map((entry, index) => (
          <li key={`${entry.at}${index}`} data-what={entry.what}>
            <span>
              {entry.by !== '' && <b>{entry.by} </b>}
              {told(entry, t, zone)}
            </span>
            <time title={dateTimeText(entry.at, zone)}>
              {t.common.ago(formatUptime((now - entry.at) / 1000, t.locale))}
            </time>
            {entry.text !== '' && <p>{entry.text}</p>}
          </li>
        ))}
      </ol>
    </>
  )
}
