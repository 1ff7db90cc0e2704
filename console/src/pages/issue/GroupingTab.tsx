import { Button } from '@mantine/core'
import { IconArrowMerge, IconArrowsSplit } from '@tabler/icons-react'
import { useState } from 'react'
import type { ErrorEvent } from '@/api/errorEvent'
import type { IssueDocument } from '@/api/issue'
import type { IssueActions } from '@/components/issues/useIssueActions'
import { useMessages } from '@/i18n'
import { dateTimeText } from '@/lib/clockText'
import { formatCount } from '@/lib/units'
import { useTimeState } from '@/state/timeSearch'
import styles from './IssuePage.module.css'

interface GroupingTabProps {
  readonly issue: IssueDocument
  readonly event: ErrorEvent | null
  readonly actions: IssueActions
  readonly onMerge: () => void
}

/** Why these events are one issue, and what to do where that is wrong. */
export function GroupingTab({ issue, event, actions, onMerge }: GroupingTabProps) {
  const g = useMessages('issue').issue.grouping
  const { zone } = useTimeState()
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set())
  const { parts } = issue
  const toggle = (id: string) => {
    const next = new Set(chosen)
    if (!next.delete(id)) next.add(id)
    setChosen(next)
  }
  const split = async () => {
    if (await actions.act([issue.id], { action: 'split', groups: [...chosen] })) setChosen(new Set())
  }
  const ruleText = (rule: string) => Object.entries(g.rules).find(([name]) => name === rule)?.[1] ?? rule
  return (
    <div className={styles.grouping}>
      <p>{g.about}</p>
      {event !== null && event.fingerprint.length > 0 && (
        <p>
          {g.fingerprint} <code>{event.fingerprint.join(' · ')}</code>
        </p>
      )}
      <ul className={styles.parts}>
        {parts.map((part) => (
          <li key={part.id}>
            <label>
              {parts.length > 1 && (
                <input
                  type="checkbox"
                  checked={chosen.has(part.id)}
                  onChange={() => toggle(part.id)}
                  aria-label={g.choose(part.title)}
                />
              )}
              <span>
                <b>{part.title}</b>
                <small>
                  <code>{part.id}</code> · {part.culprit} · {g.events(formatCount(part.events))} ·{' '}
                  {dateTimeText(part.firstSeen, zone)} – {dateTimeText(part.lastSeen, zone)}
                </small>
                <small>
                  {g.by} <b>{part.rule}</b>: {ruleText(part.rule)}
                </small>
              </span>
            </label>
          </li>
        ))}
      </ul>
      <div className={styles.groupActions}>
        {parts.length > 1 && (
          <Button
            leftSection={<IconArrowsSplit size={15} />}
            disabled={chosen.size === 0 || chosen.size >= parts.length}
            loading={actions.busy}
            onClick={() => void split()}
          >
            {g.split(chosen.size)}
          </Button>
        )}
        <Button variant="default" leftSection={<IconArrowMerge size={15} />} onClick={onMerge}>
          {g.merge}
        </Button>
      </div>
      <p className="muted">{parts.length > 1 ? g.splitHint : g.single}</p>
    </div>
  )
}
