import { Button, Select } from '@mantine/core'
import { useMediaQuery } from '@mantine/hooks'
import { IconMoodSmile, IconZoomExclamation } from '@tabler/icons-react'
import { getRouteApi, Link } from '@tanstack/react-router'
import { memo, useMemo, useRef, useState } from 'react'
import { incidents, type Incident, type IncidentAction } from '@/api/incidents'
import { onCall } from '@/api/oncall'
import { Message } from '@/components/Message'
import { useScreenKeys } from '@/components/useScreenKeys'
import { FilterBar, Mark, type Tone } from '@/components/watch/kit'
import { Unavailable } from '@/components/watch/Unavailable'
import { WindowList } from '@/components/WindowList'
import { useMessages } from '@/i18n'
import { formatUptime } from '@/lib/ago'
import { dateTimeText } from '@/lib/clockText'
import { severities, severityTone } from '@/lib/incidents'
import { formatCount } from '@/lib/units'
import { useCurrent, useRefreshByHand } from '@/state/current'
import type { IncidentsSearch } from '@/state/incidentsSearch'
import { useNow } from '@/state/live'
import { useTimeState } from '@/state/timeSearch'
import { ActionBar, type OpenForm } from './ActionBar'
import styles from './incidents.module.css'
import { IncidentsTabs } from './IncidentsTabs'
import { useActions } from './useActions'
import { useWords } from './words'

const route = getRouteApi('/incidents')

export const statusTone: Readonly<Record<Incident['status'], Tone>> = {
  triggered: 'bad',
  acknowledged: 'warn',
  resolved: 'good',
}

const keyOf = ({ id }: Incident): string => String(id)
const page = 100
/** The API gives no more at once. */
const limitMax = 500

/** What is wrong, the newest first, and who does something about it. */
export function IncidentsPage() {
  const w = useWords()
  const search = route.useSearch()
  const { filter = '', status, sort = 'started' } = search
  const navigate = route.useNavigate()
  const narrow = useMediaQuery('(width <= 760px)', false, { getInitialValueInEffect: false })
  useRefreshByHand()
  const [limit, setLimit] = useState(page)
  const asked = {
    status: status ?? 'open',
    severity: search.severity,
    assigned: search.assigned,
    entity: search.entity,
    query: filter === '' ? undefined : filter,
    sort: search.sort,
    limit,
  }
  const found = useCurrent(['incidents', asked], (signal) => incidents(asked, signal))
  const duty = useCurrent(['oncall'], onCall, { slowest: 30_000 })
  const set = (change: IncidentsSearch) =>
    void navigate({ search: (old) => ({ ...old, ...change }), replace: true, resetScroll: false })
  const all = useMemo(() => found.data?.incidents ?? [], [found.data])
  const [marked, setMarked] = useState<ReadonlySet<number>>(new Set())
  const last = useRef<number | null>(null)
  const [open, setOpen] = useState<OpenForm>(null)
  const actions = useActions()
  const current = all.find((incident) => keyOf(incident) === search.at)
  const targets = useMemo(() => {
    const wanted = all.filter(({ id }) => marked.has(id))
    return wanted.length > 0 ? wanted : current === undefined ? [] : [current]
  }, [all, marked, current])
  const act = async (action: IncidentAction) => {
    // Who works through a list goes on with what follows.
    const at = all.findLastIndex(({ id }) => targets.some((target) => target.id === id))
    const next = all[at + 1] ?? all[at - targets.length]
    const ids = targets.map(({ id }) => id)
    if ((await actions.act(ids, action)) === null) return
    setMarked(new Set())
    const leaves = (action.action === 'resolve' && status !== 'all') || action.action === 'reopen'
    if (leaves && current !== undefined) set({ at: next === undefined ? undefined : keyOf(next) })
  }
  const mark = (id: number, range: boolean) => {
    const next = new Set(marked)
    const from = all.findIndex((incident) => incident.id === last.current)
    const to = all.findIndex((incident) => incident.id === id)
    if (range && from >= 0) {
      for (const incident of all.slice(Math.min(from, to), Math.max(from, to) + 1)) next.add(incident.id)
    } else if (!next.delete(id)) {
      next.add(id)
    }
    last.current = id
    setMarked(next)
  }
  useScreenKeys((key, target) => {
    const at = all.findIndex((incident) => keyOf(incident) === search.at)
    const step = (by: number) => {
      const next = all[at < 0 ? 0 : Math.min(Math.max(at + by, 0), all.length - 1)]
      if (next !== undefined) set({ at: keyOf(next) })
      return next !== undefined
    }
    const some = targets.length > 0
    const every = (name: Incident['status']) => some && targets.every((one) => one.status === name)
    switch (key) {
      case 'j':
        return step(1)
      case 'k':
        return step(-1)
      case 'Enter':
      case 'o':
        if (key === 'Enter' && target instanceof Element && target.closest('button, a, input') !== null)
          return false
        if (current !== undefined) void navigate({ to: '/incidents/$id', params: { id: keyOf(current) } })
        return current !== undefined
      case 'x':
      case 'X':
        if (current !== undefined) mark(current.id, key === 'X')
        return current !== undefined
      case '*':
        setMarked(new Set(all.map(({ id }) => id)))
        return true
      case 'Escape': {
        const had = marked.size > 0 || current !== undefined
        setMarked(new Set())
        if (current !== undefined) set({ at: undefined })
        return had
      }
      case 'c':
        if (some) void act({ action: every('acknowledged') ? 'unacknowledge' : 'acknowledge' })
        return some
      case 'e':
        if (some) void act({ action: every('resolved') ? 'reopen' : 'resolve' })
        return some
      case 'a':
        if (some) setOpen('assign')
        return some
      case 'm':
        if (some) setOpen('note')
        return some
      default:
        return false
    }
  })
  const counts = found.data?.counts
  const narrowed = filter !== '' || search.severity !== undefined || search.assigned !== undefined
  return (
    <div className={styles.page}>
      <IncidentsTabs />
      {found.data === undefined || counts === undefined ? (
        <Unavailable error={found.error} missing={w.unknown} />
      ) : (
        <>
          <FilterBar
            label={w.filterLabel}
            placeholder={w.filter}
            filter={filter}
            onFilter={(next) => set({ filter: next })}
            statesLabel={w.statuses}
            choices={[
              ...(['triggered', 'acknowledged', 'resolved'] as const).map((state) => ({
                state,
                text: w.status[state],
                tone: statusTone[state],
                count: counts[state],
              })),
              {
                state: 'all' as const,
                text: w.all,
                tone: 'quiet' as const,
                count: counts.triggered + counts.acknowledged + counts.resolved,
              },
            ]}
            chosen={status}
            onChoose={(state) => set({ status: state })}
          >
            <Select
              size="xs"
              w={130}
              clearable
              aria-label={w.severity}
              placeholder={w.anySeverity}
              value={search.severity ?? null}
              data={[...severities]}
              onChange={(next) => set({ severity: next ?? undefined })}
            />
            <Select
              size="xs"
              w={140}
              clearable
              searchable
              aria-label={w.assignedTo}
              placeholder={w.assignedTo}
              value={search.assigned ?? null}
              data={namesOf(all, duty.data?.people.map(({ name }) => name) ?? [], search.assigned)}
              onChange={(next) => set({ assigned: next ?? undefined })}
            />
            <Select
              size="xs"
              w={130}
              aria-label={w.sort}
              allowDeselect={false}
              value={sort}
              data={(['started', 'updated', 'severity'] as const).map((value) => ({
                value,
                label: w.sorts[value],
              }))}
              onChange={(next) => set({ sort: next === null || next === 'started' ? undefined : next })}
            />
          </FilterBar>
          {!found.data.onCall && all.length > 0 && <p className="muted">{w.noOnCall}</p>}
          <section className={styles.panel} aria-label={w.list}>
            <header className={styles.toolsRow}>
              <label className={styles.all}>
                <input
                  type="checkbox"
                  aria-label={w.selectAll}
                  checked={all.length > 0 && marked.size >= all.length}
                  onChange={(event) =>
                    setMarked(event.currentTarget.checked ? new Set(all.map(({ id }) => id)) : new Set())
                  }
                />
                <span role="status">
                  {marked.size > 0 ? w.marked(marked.size) : w.found(formatCount(found.data.total))}
                </span>
              </label>
              <ActionBar
                targets={targets}
                people={duty.data?.people.map(({ name }) => name) ?? []}
                busy={actions.busy}
                open={open}
                onOpen={setOpen}
                onAct={(action) => void act(action)}
                onMerge={(others) => {
                  const [into] = targets
                  if (into === undefined) return
                  void actions.act([into.id], { action: 'merge', incidents: others })
                  setMarked(new Set())
                }}
              />
            </header>
            {all.length === 0 ? (
              <Message
                icon={
                  narrowed ? (
                    <IconZoomExclamation size={40} stroke={1.3} />
                  ) : (
                    <IconMoodSmile size={44} stroke={1.3} />
                  )
                }
                title={narrowed || status !== undefined ? w.nothing : w.clean}
                actions={
                  narrowed ? (
                    <Button
                      variant="default"
                      onClick={() => set({ filter: undefined, severity: undefined, assigned: undefined })}
                    >
                      {w.clearFilter}
                    </Button>
                  ) : (
                    counts.resolved > 0 &&
                    status !== 'resolved' && (
                      <Button variant="default" onClick={() => set({ status: 'resolved' })}>
                        {w.showResolved(formatCount(counts.resolved))}
                      </Button>
                    )
                  )
                }
              >
                {!narrowed && w.cleanHint}
              </Message>
            ) : (
              <WindowList
                label={w.list}
                items={all}
                itemKey={keyOf}
                size={() => (narrow ? 92 : 64)}
                chosen={search.at ?? null}
              >
                {(incident) => (
                  <IncidentRow
                    incident={incident}
                    current={keyOf(incident) === search.at}
                    marked={marked.has(incident.id)}
                    onMark={mark}
                  />
                )}
              </WindowList>
            )}
            {all.length < found.data.total && limit < limitMax && (
              <div className={styles.more}>
                <Button variant="default" onClick={() => setLimit(Math.min(limit + page, limitMax))}>
                  {w.more}
                </Button>
              </div>
            )}
          </section>
        </>
      )}
    </div>
  )
}

/** Whoever has one, or is on call. */
function namesOf(all: readonly Incident[], people: readonly string[], chosen: string | undefined): string[] {
  const names = all.flatMap(({ assigned }) => (assigned === null ? [] : [assigned]))
  return [...new Set([...people, ...names, ...(chosen === undefined ? [] : [chosen])])].sort()
}

interface IncidentRowProps {
  readonly incident: Incident
  readonly current: boolean
  readonly marked: boolean
  readonly onMark: (id: number, range: boolean) => void
}

const IncidentRow = memo(function IncidentRow({ incident, current, marked, onMark }: IncidentRowProps) {
  const t = useMessages()
  const w = useWords()
  const now = useNow()
  const { zone } = useTimeState()
  const { id, title, status, severity, escalation } = incident
  const text = (span: number) => formatUptime(span / 1000, t.locale)
  const all = formatCount(incident.alertCount)
  const waits =
    status === 'triggered' && escalation?.state === 'waiting' && escalation.nextAt !== null
      ? escalation.nextAt - now
      : null
  return (
    <div
      className={styles.row}
      data-tone={severityTone(severity)}
      data-current={current || undefined}
      data-marked={marked || undefined}
    >
      <input
        type="checkbox"
        className={styles.mark}
        aria-label={w.select(title)}
        checked={marked}
        onChange={() => undefined}
        onClick={(event) => onMark(id, event.shiftKey)}
      />
      <div className={styles.state}>
        <Mark tone={statusTone[status]}>{w.status[status]}</Mark>
        <span className={styles.severity} data-tone={severityTone(severity)}>
          {severity}
          {incident.quiet && status !== 'resolved' && <small> · {w.quiet}</small>}
        </span>
      </div>
      <div className={styles.what}>
        <Link
          to="/incidents/$id"
          params={{ id: String(id) }}
          aria-current={current || undefined}
          title={title}
        >
          <span className="muted">{w.number(id)}</span> {title}
        </Link>
        <span className={styles.facts}>
          <span>{incident.firing > 0 ? w.alerts(formatCount(incident.firing), all) : w.alertsOver(all)}</span>
          <span className="clip">{incident.entities.map(({ name }) => name).join(', ')}</span>
        </span>
      </div>
      <div className={`${styles.end} ${styles.who2}`}>
        <span className="clip">{incident.assigned ?? ''}</span>
        <small className="muted clip">
          {incident.acknowledgedAt !== null
            ? incident.acknowledgedBy === null
              ? w.ackNobody
              : w.ackBy(incident.acknowledgedBy)
            : waits !== null && waits > 0
              ? w.nextStep(text(waits))
              : ''}
        </small>
      </div>
      <div className={styles.end} title={dateTimeText(incident.startedAt, zone)}>
        <span>{w.began(text(now - incident.startedAt))}</span>
        {incident.resolvedAt !== null && (
          <small className="muted">{w.lasted(text(incident.resolvedAt - incident.startedAt))}</small>
        )}
      </div>
    </div>
  )
})
