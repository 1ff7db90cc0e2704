import { Link } from '@tanstack/react-router'
import type { IssueDocument, NamedCount } from '@/api/issue'
import type { IssueActions } from '@/components/issues/useIssueActions'
import { useMessages } from '@/i18n'
import { formatUptime } from '@/lib/ago'
import { dateTimeText } from '@/lib/clockText'
import { formatCount } from '@/lib/units'
import { useNow } from '@/state/live'
import { useTimeState } from '@/state/timeSearch'
import { ActivityList } from './ActivityList'
import { Section } from './Section'
import styles from './Sidebar.module.css'
import { TagList, useTags } from './TagList'

interface SidebarProps {
  readonly issue: IssueDocument
  readonly actions: IssueActions
}

const tagsMax = 8
const valuesMax = 3
const releasesMax = 6
const activityMax = 8

/** Since when, for whom, where; and who did what about it. */
export function Sidebar({ issue, actions }: SidebarProps) {
  const t = useMessages('issue')
  const i = t.issue
  const { zone } = useTimeState()
  const now = useNow()
  const tags = useTags(issue).data
  const shown = [...(tags?.tags ?? [])].sort((a, b) => b.events - a.events).slice(0, tagsMax)
  const moment = (at: number) => (
    <time dateTime={new Date(at).toISOString()} title={dateTimeText(at, zone)}>
      {t.common.ago(formatUptime((now - at) / 1000, t.locale))}
    </time>
  )
  const facts = [
    [i.facts.lastSeen, moment(issue.lastSeen), issue.lastRelease],
    [i.facts.firstSeen, moment(issue.firstSeen), issue.firstRelease],
    [i.facts.events, formatCount(issue.events), ''],
    [i.facts.users, formatCount(issue.users), ''],
    [i.facts.unhandled, formatCount(issue.unhandled), ''],
    [i.facts.environments, issue.environments.map(({ name }) => name).join(', '), ''],
  ] as const
  return (
    <aside className={styles.side} aria-label={i.sidebar}>
      <dl className={styles.facts}>
        {facts.map(
          ([name, value, release]) =>
            value !== '' && (
              <div key={name}>
                <dt>{name}</dt>
                <dd>
                  {value}
                  {release !== '' && <code>{release}</code>}
                </dd>
              </div>
            ),
        )}
      </dl>
      {issue.releases.length > 0 && <Releases releases={issue.releases} project={issue.project} />}
      {shown.length > 0 && (
        <Section title={i.tabs.tags}>
          <TagList tags={shown} valuesMax={valuesMax} />
        </Section>
      )}
      <Section title={i.tabs.activity}>
        <ActivityList issue={issue} actions={actions} max={activityMax} />
      </Section>
    </aside>
  )
}

interface ReleasesProps {
  readonly releases: readonly NamedCount[]
  readonly project: string
}

function Releases({ releases, project }: ReleasesProps) {
  const i = useMessages('issue').issue
  const newest = [...releases].sort((a, b) => b.lastSeen - a.lastSeen).slice(0, releasesMax)
  return (
    <Section
      title={i.releases}
      end={
        <Link to="/errors/releases" search={{ project }}>
          {i.allReleases}
        </Link>
      }
    >
      <ul className={styles.releases}>
        {newest.map(({ name, events }) => (
          <li key={name}>
            <span className="clip" title={name}>
              {name}
            </span>
            <b>{formatCount(events)}</b>
          </li>
        ))}
      </ul>
    </Section>
  )
}
