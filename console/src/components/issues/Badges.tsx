import type { CSSProperties } from 'react'
import { useMessages } from '@/i18n'
import type { Issue, IssueLevel } from '@/api/errors'
import styles from './Badges.module.css'

/** New is what was first seen within this, as the server has it. */
const newMs = 86_400_000

interface BadgesProps {
  readonly issue: Pick<Issue, 'status' | 'regressed' | 'firstSeen' | 'unhandled' | 'groups'>
  readonly now: number
}

/** Where an issue is in its life, as far as that says something. */
export function Badges({ issue, now }: BadgesProps) {
  const b = useMessages('inbox').inbox.badges
  const isNew = issue.status === 'unresolved' && !issue.regressed && now - issue.firstSeen < newMs
  const shown = [
    issue.status === 'unresolved' ? null : issue.status,
    issue.regressed ? 'regressed' : null,
    isNew ? 'new' : null,
    issue.unhandled > 0 ? 'unhandled' : null,
    issue.groups > 1 ? 'merged' : null,
  ] as const
  return shown.map(
    (name) =>
      name !== null && (
        <span key={name} className={styles.badge} data-badge={name} title={b.help[name]}>
          {name === 'merged' ? b.merged(issue.groups) : b[name]}
        </span>
      ),
  )
}

/** How grave it is: a colour, and the word for who cannot see it. */
export function LevelMark({ level }: { readonly level: IssueLevel }) {
  const words = useMessages('inbox').inbox.levels
  return (
    <span className={styles.level} style={{ '--tone': `var(--wf-level-${level})` } as CSSProperties}>
      {words[level]}
    </span>
  )
}
