import { Button, Skeleton, useComputedColorScheme } from '@mantine/core'
import { IconInbox, IconKey, IconLink, IconZoomExclamation } from '@tabler/icons-react'
import { getRouteApi } from '@tanstack/react-router'
import { useMemo, useState } from 'react'
import type { Issue, IssueAction } from '@/api/errors'
import { ActionBar, type OpenAction } from '@/components/issues/ActionBar'
import { MergeDialog } from '@/components/issues/MergeDialog'
import { useIssueActions } from '@/components/issues/useIssueActions'
import { levelVariables } from '@/components/levelVariables'
import { Message } from '@/components/Message'
import { QueryError } from '@/components/QueryError'
import { useCopy } from '@/components/useCopy'
import { useMessages } from '@/i18n'
import { ms } from '@/lib/brand'
import { isNarrowed } from '@/lib/issueQuery'
import { errorText } from '@/lib/serverError'
import { formatCount } from '@/lib/units'
import type { ErrorsSearch } from '@/state/errorSearch'
import { useTimeState } from '@/state/timeSearch'
import { EmptyErrors, SendersDialog } from './EmptyErrors'
import styles from './ErrorsPage.module.css'
import { ErrorsTabs } from './ErrorsTabs'
import { Filters } from './Filters'
import { IssueList } from './IssueList'
import { Overview } from './Overview'
import { useInboxKeys } from './useInboxKeys'
import { useAnyErrors, useIssues, type Issues } from './useIssues'
import { useMarks } from './useMarks'

const route = getRouteApi('/errors')

/** What fails: issues, and what is done about them. */
export function ErrorsPage() {
  const t = useMessages('inbox').inbox
  const scheme = useComputedColorScheme('dark', { getInitialValueInEffect: false })
  const any = useAnyErrors()
  return (
    <div className={styles.page} style={levelVariables(scheme)}>
      <h1 className={styles.hidden}>{t.title}</h1>
      <ErrorsTabs />
      {any === false ? <EmptyErrors /> : <Inbox enabled={any === true} />}
    </div>
  )
}

function Inbox({ enabled }: { readonly enabled: boolean }) {
  const t = useMessages('inbox')
  const i = t.inbox
  const copy = useCopy()
  const search = route.useSearch()
  const navigate = route.useNavigate()
  const found = useIssues(search, enabled)
  const { issues, overview } = found
  const marks = useMarks(issues)
  const actions = useIssueActions()
  const [open, setOpen] = useState<OpenAction>(null)
  const [dialog, setDialog] = useState<'merge' | 'send' | null>(null)
  const current = search.at ?? null
  const set = (change: ErrorsSearch) =>
    void navigate({ search: (old) => ({ ...old, ...change }), replace: true, resetScroll: false })

  const targets = useMemo(() => {
    const wanted = issues.filter(({ id }) => marks.marked.has(id))
    return wanted.length > 0 ? wanted : issues.filter(({ id }) => id === current)
  }, [issues, marks.marked, current])
  const status = targets.length === 1 ? (targets[0]?.status ?? null) : commonStatus(targets)
  const act = async (action: IssueAction) => {
    // Who works through a list goes on with what follows.
    const last = issues.findLastIndex(({ id }) => targets.some((target) => target.id === id))
    const next = issues[last + 1] ?? issues[last - targets.length]
    const leaves = action.action !== 'assign' && search.status !== 'all'
    if (
      !(await actions.act(
        targets.map(({ id }) => id),
        action,
      ))
    )
      return
    marks.done(marks.marked)
    if (leaves && current !== null) set({ at: next?.id })
  }
  const openOne = (issue: Issue) => void navigate({ to: '/errors/$id', params: { id: issue.id } })
  useInboxKeys({
    issues,
    current,
    onMove: (issue) => set({ at: issue.id }),
    onOpen: openOne,
    onMark: marks.mark,
    onMarkAll: marks.markAll,
    onClear: () => {
      const some = marks.marked.size > 0 || current !== null
      marks.clear()
      if (current !== null) set({ at: undefined })
      return some
    },
    onResolve: () =>
      void act({ action: status === 'resolved' || status === 'ignored' ? 'unresolve' : 'resolve' }),
    onIgnore: () => targets.length > 0 && status !== 'ignored' && setOpen('ignore'),
    onAssign: () => targets.length > 0 && setOpen('assign'),
    onMerge: () => targets.length > 0 && setDialog('merge'),
  })
  const facets = overview?.facets
  return (
    <>
      <Filters
        search={search}
        found={overview}
        error={found.error === null ? null : errorText(found.error.message)}
        onSearch={set}
      />
      <Overview found={overview} project={search.project} onProject={(project) => set({ project })} />
      {found.error !== null && overview === null ? (
        <QueryError message={found.error.message} text={search.q ?? ''} mistake={null} />
      ) : (
        <section className={styles.panel} aria-label={i.list} data-stale={found.stale || undefined}>
          <header className={styles.tools}>
            <label className={styles.all}>
              <input
                type="checkbox"
                aria-label={i.selectAll}
                checked={issues.length > 0 && marks.marked.size >= issues.length}
                onChange={(event) => (event.currentTarget.checked ? marks.markAll() : marks.clear())}
              />
              <span role="status">
                {marks.marked.size > 0
                  ? i.marked(marks.marked.size)
                  : overview === null
                    ? ''
                    : i.found(formatCount(overview.total))}
              </span>
            </label>
            <ActionBar
              count={targets.length}
              status={status}
              assigned={targets.length === 1 ? (targets[0]?.assigned ?? null) : null}
              people={facets?.assigned?.map(([name]) => name) ?? []}
              releases={facets?.release?.map(([name]) => name) ?? []}
              busy={actions.busy}
              open={open}
              onOpen={setOpen}
              onAct={(action) => void act(action)}
              onMerge={() => setDialog('merge')}
            />
            <span className={styles.end}>
              <Button
                variant="subtle"
                color="gray"
                leftSection={<IconLink size={15} />}
                onClick={() => void copy(window.location.href, t.query.shareCopied)}
              >
                {t.query.share}
              </Button>
              <Button
                variant="subtle"
                color="gray"
                leftSection={<IconKey size={15} />}
                onClick={() => setDialog('send')}
              >
                {i.send}
              </Button>
            </span>
          </header>
          {overview === null ? (
            <Skeleton height={320} />
          ) : issues.length === 0 ? (
            <Nothing search={search} found={found} onSearch={set} />
          ) : (
            <IssueList
              issues={issues}
              marked={marks.marked}
              current={current}
              onMark={marks.mark}
              onEnd={found.more}
            />
          )}
          {found.loadingMore && <p className={styles.more}>{i.loading}</p>}
        </section>
      )}
      {dialog === 'send' && <SendersDialog onClose={() => setDialog(null)} />}
      {dialog === 'merge' && (
        <MergeDialog
          issues={targets}
          busy={actions.busy}
          onClose={() => setDialog(null)}
          onMerge={(into, others) =>
            void actions.act([into], { action: 'merge', issues: others }).then((done) => {
              if (!done) return
              setDialog(null)
              marks.clear()
            })
          }
        />
      )}
    </>
  )
}

/** The state that all of them are in. */
function commonStatus(issues: readonly Issue[]): Issue['status'] | null {
  const states = new Set(issues.map(({ status }) => status))
  const [only] = states
  return states.size === 1 && only !== undefined && only !== 'unresolved' ? only : null
}

interface NothingProps {
  readonly search: ErrorsSearch
  readonly found: Issues
  readonly onSearch: (change: ErrorsSearch) => void
}

/** Nothing is to be done, or nothing fits: they are not the same. */
function Nothing({ search, found, onSearch }: NothingProps) {
  const i = useMessages('inbox').inbox
  const { setRange } = useTimeState()
  const counts = found.overview?.counts
  const others = counts === undefined ? 0 : counts.ignored + counts.resolved + counts.unresolved
  const narrowed = isNarrowed(search) || search.is !== undefined
  const clean = !narrowed && search.status === undefined && others > 0
  const widen = () =>
    setRange({
      from: { kind: 'relative', back: ms(90 * 86_400_000), floor: null },
      to: { kind: 'relative', back: ms(0), floor: null },
    })
  return (
    <Message
      icon={clean ? <IconInbox size={42} stroke={1.3} /> : <IconZoomExclamation size={40} stroke={1.3} />}
      title={clean ? i.clean : i.nothing}
      actions={
        <>
          {others > 0 && search.status !== 'all' && (
            <Button variant="default" onClick={() => onSearch({ status: 'all' })}>
              {i.showAll(formatCount(others))}
            </Button>
          )}
          {!clean && (
            <Button variant="default" onClick={widen}>
              {i.widen}
            </Button>
          )}
        </>
      }
    >
      <p>{clean ? i.cleanHint : i.nothingHint}</p>
    </Message>
  )
}
