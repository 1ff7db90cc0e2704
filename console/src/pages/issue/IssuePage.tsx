import { Skeleton, useComputedColorScheme } from '@mantine/core'
import { IconBugOff } from '@tabler/icons-react'
import { getRouteApi } from '@tanstack/react-router'
import { useState } from 'react'
import { ApiError } from '@/api/http'
import type { IssueDocument } from '@/api/issue'
import type { OpenAction } from '@/components/issues/ActionBar'
import { useIssueActions } from '@/components/issues/useIssueActions'
import { levelVariables } from '@/components/levelVariables'
import { Message } from '@/components/Message'
import { useScreenKeys } from '@/components/useScreenKeys'
import { useMessages } from '@/i18n'
import { errorText } from '@/lib/serverError'
import { formatCount } from '@/lib/units'
import { issueTabs, type IssueSearch, type IssueTab } from '@/state/errorSearch'
import { ActivityList } from './ActivityList'
import { EventsTab } from './EventsTab'
import { EventView } from './EventView'
import { FeedbackTab, useFeedback } from './FeedbackTab'
import { GroupingTab } from './GroupingTab'
import { Header } from './Header'
import styles from './IssuePage.module.css'
import { MergeInto } from './MergeInto'
import { Sidebar } from './Sidebar'
import { TagList, useTags } from './TagList'
import tagStyles from './TagList.module.css'
import { TimelinePanel } from './TimelinePanel'
import { useIssue, useShownEvent } from './useIssue'

const route = getRouteApi('/errors/$id')

/** One issue: what happened, to whom, since when, and what is done about it. */
export function IssuePage() {
  const t = useMessages('issue').issue
  const scheme = useComputedColorScheme('dark', { getInitialValueInEffect: false })
  const { id } = route.useParams()
  const asked = useIssue(id)
  const { error } = asked
  if (asked.data === undefined)
    return error === null ? (
      <Skeleton height={420} />
    ) : (
      <Message
        icon={<IconBugOff size={42} stroke={1.3} />}
        title={error instanceof ApiError && error.kind === 'missing' ? t.missing : t.failed}
      >
        <p>
          {error instanceof ApiError && error.kind === 'missing' ? t.missingHint : errorText(error.message)}
        </p>
      </Message>
    )
  return (
    <div className={styles.page} style={levelVariables(scheme)}>
      <Known key={asked.data.id} issue={asked.data} />
    </div>
  )
}

function Known({ issue }: { readonly issue: IssueDocument }) {
  const t = useMessages('issue').issue
  const search = route.useSearch()
  const navigate = route.useNavigate()
  const actions = useIssueActions()
  const shown = useShownEvent(issue, search.event)
  const [open, setOpen] = useState<OpenAction>(null)
  const [merging, setMerging] = useState(false)
  const said = useFeedback(issue.id).data ?? []
  const tab = search.tab ?? 'event'
  const set = (change: IssueSearch, replace = true) =>
    void navigate({ search: (old) => ({ ...old, ...change }), replace, resetScroll: false })
  const onEvent = (event: string) => set({ event, tab: undefined }, false)
  const done = issue.status !== 'unresolved'
  useScreenKeys((key) => {
    const step = (to: string | null | undefined) => {
      if (to == null || tab !== 'event') return false
      onEvent(to)
      return true
    }
    switch (key) {
      case 'e':
        void actions.act([issue.id], { action: done ? 'unresolve' : 'resolve' })
        return true
      case 'i':
        if (issue.status === 'ignored') return false
        setOpen('ignore')
        return true
      case 'a':
        setOpen('assign')
        return true
      case 'm':
        setMerging(true)
        return true
      case 'j':
        return step(shown.event?.neighbours?.newer)
      case 'k':
        return step(shown.event?.neighbours?.older)
      case 'u':
        void navigate({ to: '/errors' })
        return true
      default:
        return false
    }
  })
  const numbers: Readonly<Partial<Record<IssueTab, string>>> = {
    events: formatCount(issue.events),
    feedback: formatCount(said.length),
    grouping: formatCount(issue.groups),
  }
  return (
    <>
      <Header issue={issue} actions={actions} open={open} onOpen={setOpen} onMerge={() => setMerging(true)} />
      <TimelinePanel issue={issue} shown={shown.event} />
      <div className={styles.split}>
        <div className={styles.main}>
          <nav className={styles.tabs} role="tablist" aria-label={t.parts}>
            {issueTabs.map((name) => (
              <button
                key={name}
                type="button"
                role="tab"
                aria-selected={tab === name}
                onClick={() => set({ tab: name === 'event' ? undefined : name })}
              >
                {t.tabs[name]}
                {numbers[name] !== undefined && <b>{numbers[name]}</b>}
              </button>
            ))}
          </nav>
          <div className={styles.body} role="tabpanel" aria-label={t.tabs[tab]}>
            {tab === 'event' && (
              <>
                {shown.event !== null ? (
                  <EventView
                    key={shown.event.id}
                    event={shown.event}
                    raw={search.stack === 'raw'}
                    onRaw={(raw) => set({ stack: raw ? 'raw' : undefined })}
                    onEvent={onEvent}
                  />
                ) : shown.loading ? (
                  <Skeleton height={300} />
                ) : (
                  <Message title={t.noEvent}>
                    <p>{shown.error === null ? t.noEventHint : errorText(shown.error.message)}</p>
                  </Message>
                )}
              </>
            )}
            {tab === 'events' && <EventsTab issue={issue} onEvent={onEvent} />}
            {tab === 'tags' && <AllTags issue={issue} />}
            {tab === 'feedback' && <FeedbackTab said={said} onEvent={onEvent} />}
            {tab === 'grouping' && (
              <GroupingTab
                issue={issue}
                event={shown.event}
                actions={actions}
                onMerge={() => setMerging(true)}
              />
            )}
            {tab === 'activity' && <ActivityList issue={issue} actions={actions} max={200} />}
          </div>
        </div>
        <Sidebar issue={issue} actions={actions} />
      </div>
      {merging && <MergeInto issue={issue} actions={actions} onClose={() => setMerging(false)} />}
    </>
  )
}

const valuesMax = 10

function AllTags({ issue }: { readonly issue: IssueDocument }) {
  const t = useMessages('issue').issue
  const tags = useTags(issue)
  if (tags.data === undefined) return <Skeleton height={240} />
  if (tags.data.tags.length === 0) return <Message title={t.noTags} />
  return (
    <>
      <p className="muted">{t.tagsOf(formatCount(tags.data.events))}</p>
      <div className={tagStyles.spread}>
        <TagList tags={tags.data.tags} valuesMax={valuesMax} />
      </div>
    </>
  )
}
