import { Button } from '@mantine/core'
import { IconArrowLeft, IconLink } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { errorProjects } from '@/api/errors'
import type { IssueDocument } from '@/api/issue'
import { ActionBar, type OpenAction } from '@/components/issues/ActionBar'
import { Badges, LevelMark } from '@/components/issues/Badges'
import type { IssueActions } from '@/components/issues/useIssueActions'
import { useCopy } from '@/components/useCopy'
import { useMessages, type With } from '@/i18n'
import { dateTimeText } from '@/lib/clockText'
import { titleParts, whereOf } from '@/lib/issueText'
import type { ZoneId } from '@/lib/time'
import { useNow } from '@/state/live'
import { useTimeState } from '@/state/timeSearch'
import { untilText } from './ActivityList'
import styles from './Header.module.css'

interface HeaderProps {
  readonly issue: IssueDocument
  readonly actions: IssueActions
  readonly open: OpenAction
  readonly onOpen: (open: OpenAction) => void
  readonly onMerge: () => void
}

/** What the state of an issue means, where a badge says too little. */
function lifeText({ life }: IssueDocument, t: With<'issue'>, zone: ZoneId): string {
  const h = t.issue.life
  const since = dateTimeText(life.since, zone)
  if (life.status === 'ignored') return h.ignored(untilText(life.ignoredUntil, t, zone))
  if (life.status === 'resolved') {
    if (life.inRelease !== '') return h.resolvedIn(life.inRelease)
    return life.afterRelease === '' ? h.resolved(since) : h.resolvedAfter(life.afterRelease)
  }
  return life.regressed ? h.regressed(since, life.regressions) : ''
}

/** The issue in a line, and what can be done about it. */
export function Header({ issue, actions, open, onOpen, onMerge }: HeaderProps) {
  const t = useMessages('inbox', 'issue')
  const copy = useCopy()
  const now = useNow()
  const { zone } = useTimeState()
  const projects = useQuery({
    queryKey: ['errors', 'projects'],
    queryFn: ({ signal }) => errorProjects(signal),
  })
  const newest = projects.data?.find(({ name }) => name === issue.project)?.newestRelease ?? ''
  const seen = [...issue.releases].sort((a, b) => b.firstSeen - a.firstSeen).map(({ name }) => name)
  const releases = [...new Set([newest, ...seen])].filter((name) => name !== '')
  const [head, rest] = titleParts(issue)
  const life = lifeText(issue, t, zone)
  return (
    <header className={styles.header}>
      <div className={styles.line}>
        <Link to="/errors" className={styles.back} title={`${t.issue.back}  u`}>
          <IconArrowLeft size={15} aria-hidden /> {t.inbox.title}
        </Link>
        <span className="muted">{whereOf(issue)}</span>
        <code>{issue.id}</code>
        <LevelMark level={issue.level} />
        <Badges issue={issue} now={now} />
      </div>
      <h1>
        <b>{head}</b> {rest}
      </h1>
      {issue.culprit !== '' && <p className={styles.culprit}>{issue.culprit}</p>}
      <div className={styles.line}>
        <ActionBar
          count={1}
          status={issue.status}
          assigned={issue.assigned}
          people={[]}
          releases={releases}
          busy={actions.busy}
          open={open}
          onOpen={onOpen}
          onAct={(action) => void actions.act([issue.id], action)}
          onMerge={onMerge}
        />
        <Button
          variant="subtle"
          color="gray"
          leftSection={<IconLink size={15} />}
          onClick={() => void copy(window.location.href, t.query.shareCopied)}
        >
          {t.query.share}
        </Button>
        {life !== '' && <span className={styles.life}>{life}</span>}
      </div>
    </header>
  )
}
