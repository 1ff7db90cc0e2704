import { useMediaQuery } from '@mantine/hooks'
import { IconHeartbeat } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { getRouteApi } from '@tanstack/react-router'
import { memo, useMemo } from 'react'
import { effectiveConfig } from '@/api/catalog'
import { beatStates, heartbeats, type BeatState, type Heartbeat } from '@/api/lookout'
import { CodeBlock } from '@/components/CodeBlock'
import { Message } from '@/components/Message'
import { FilterBar, Mark, Split, type Tone } from '@/components/watch/kit'
import { Strip } from '@/components/watch/Strip'
import { Unavailable } from '@/components/watch/Unavailable'
import { useWalk } from '@/components/watch/useWalk'
import { WindowList } from '@/components/WindowList'
import { useMessages } from '@/i18n'
import { formatUptime } from '@/lib/ago'
import { beatPlans, hasWords, labelWords, type BeatPlan, type BeatPlans } from '@/lib/lookout'
import type { Cell } from '@/lib/strip'
import { readYaml } from '@/lib/yamlTree'
import { useCurrent } from '@/state/current'
import { useNow } from '@/state/live'
import type { LookoutSearch } from '@/state/lookoutSearch'
import { AfterChange } from './AfterChange'
import { HeartbeatDetail } from './HeartbeatDetail'
import { NoMatch } from './ProbesTab'
import styles from './rows.module.css'
import { stripsMax, useStrips } from './useStrips'
import { useWords } from './words'

const route = getRouteApi('/probes')

export const beatTone: Readonly<Record<BeatState, Tone>> = {
  ok: 'good',
  running: 'busy',
  late: 'bad',
  failed: 'warn',
  new: 'quiet',
}

/** The course of a job: 2 for late, 1 for failed. */
const stateOf = (value: number): BeatState => (value >= 2 ? 'late' : value >= 1 ? 'failed' : 'ok')
export const beatCourse = (chosen: string) => (step: string) =>
  `2 * max_over_time(watchfire_heartbeat_late${chosen}[${step}]) + max_over_time(watchfire_heartbeat_failed${chosen}[${step}])`

/** Series of jobs are written at least this often. */
export const beatHoldMs = 60_000

/** The labels of a job's series. */
export const beatLabels = (beat: Heartbeat) => ({ job: 'heartbeat', ...beat.labels, heartbeat: beat.name })

export const beatStateOf = stateOf

const wordsOf = (beat: Heartbeat): string =>
  `${beat.name} ${beat.description} ${beat.said} ${labelWords(beat.labels)}`

/** What the configuration in force expects of jobs. */
export function useBeatPlans(): BeatPlans {
  const config = useQuery({
    queryKey: ['config', 'effective'],
    staleTime: 30_000,
    queryFn: ({ signal }) => effectiveConfig(signal),
  })
  return useMemo(() => beatPlans(config.data === undefined ? null : readYaml(config.data)), [config.data])
}

/** When a job is expected, in words. */
export function usePlanText(): (plan: BeatPlan | undefined) => string {
  const b = useWords().beat
  return (plan) =>
    plan === undefined
      ? b.noPlan
      : plan.schedule !== ''
        ? b.schedule(plan.schedule, plan.timezone)
        : plan.period === ''
          ? b.noPlan
          : b.period(plan.period)
}

/** Jobs that must report: whether they do. */
export function HeartbeatsTab() {
  const w = useWords()
  const search = route.useSearch()
  const { filter = '', open } = search
  const navigate = route.useNavigate()
  const narrow = useMediaQuery('(width <= 760px)', false, { getInitialValueInEffect: false })
  const found = useCurrent(['heartbeats'], heartbeats)
  const plans = useBeatPlans()
  const set = (change: LookoutSearch) =>
    void navigate({ search: (old) => ({ ...old, ...change }), replace: true, resetScroll: false })
  const chosen = beatStates.find((state) => state === search.state)
  const all = useMemo(() => found.data ?? [], [found.data])
  const matching = useMemo(
    () => (filter === '' ? all : all.filter((beat) => hasWords(wordsOf(beat), filter))),
    [all, filter],
  )
  const shown = useMemo(
    () =>
      matching
        .filter(({ state }) => chosen === undefined || state === chosen)
        .sort(
          (a, b) =>
            beatStates.indexOf(a.state) - beatStates.indexOf(b.state) ||
            a.name.localeCompare(b.name, undefined, { numeric: true }),
        ),
    [matching, chosen],
  )
  const strips = useStrips({
    expr: all.length === 0 || all.length > stripsMax ? null : beatCourse(''),
    stateOf,
  })
  const selected = all.find(({ name }) => name === open)
  useWalk({ items: shown, keyOf, open, onOpen: (next) => set({ open: next }) })

  if (found.data === undefined) return <Unavailable error={found.error} missing={w.unknown} />
  if (all.length === 0) return <NoHeartbeats />
  return (
    <>
      <FilterBar
        label={w.filterLabel}
        placeholder={w.filter}
        filter={filter}
        onFilter={(next) => set({ filter: next })}
        statesLabel={w.states}
        choices={beatStates.map((state) => ({
          state,
          text: w.beat.state[state],
          tone: beatTone[state],
          count: matching.filter((beat) => beat.state === state).length,
        }))}
        chosen={chosen}
        onChoose={(state) => set({ state })}
      />
      <Split
        list={
          shown.length === 0 ? (
            <NoMatch total={all.length} onClear={() => set({ filter: undefined, state: undefined })} />
          ) : (
            <div className={styles.frame}>
              <WindowList
                label={w.tabs.heartbeats}
                items={shown}
                itemKey={keyOf}
                size={() => (narrow ? 84 : 56)}
                chosen={open ?? null}
              >
                {(beat) => (
                  <BeatRow
                    beat={beat}
                    plan={beat.configured ? plans.jobs.get(beat.name) : plans.unknown}
                    open={beat.name === open}
                    from={strips?.from ?? 0}
                    to={strips?.to ?? 0}
                    cells={strips?.cellsOf(beatLabels(beat), beatHoldMs) ?? none}
                    onOpen={(name) => set({ open: name })}
                  />
                )}
              </WindowList>
            </div>
          )
        }
        detail={
          selected === undefined ? null : (
            <HeartbeatDetail
              key={open}
              beat={selected}
              plan={selected.configured ? plans.jobs.get(selected.name) : plans.unknown}
              onClose={() => set({ open: undefined })}
            />
          )
        }
      />
    </>
  )
}

const none: readonly Cell<BeatState>[] = []
const keyOf = (beat: Heartbeat): string => beat.name

interface BeatRowProps {
  readonly beat: Heartbeat
  readonly plan: BeatPlan | undefined
  readonly open: boolean
  readonly from: number
  readonly to: number
  readonly cells: readonly Cell<BeatState>[]
  readonly onOpen: (name: string) => void
}

const BeatRow = memo(function BeatRow({ beat, plan, open, from, to, cells, onOpen }: BeatRowProps) {
  const t = useMessages()
  const w = useWords()
  const now = useNow()
  const planText = usePlanText()
  const due = dueOf(beat, now)
  const heard = Math.max(beat.lastStart ?? 0, beat.lastEnd ?? 0)
  const ago = (at: number) => t.common.ago(formatUptime((now - at) / 1000, t.locale))
  return (
    <div className={styles.row} data-open={open || undefined}>
      <Mark tone={beatTone[beat.state]}>{w.beat.state[beat.state]}</Mark>
      <div className={styles.what}>
        <button
          type="button"
          className={styles.name}
          aria-current={open || undefined}
          title={beat.name}
          onClick={() => onOpen(beat.name)}
        >
          {beat.name}
        </button>
        <span className={styles.note}>
          {[planText(plan), beat.description].filter((part) => part !== '').join(' · ')}
        </span>
      </div>
      <div className={styles.course}>
        <Strip
          label={w.strip(beat.name)}
          from={from}
          to={to}
          cells={cells}
          tone={(s) => beatTone[s]}
          text={(s) => w.beat.state[s]}
        />
      </div>
      <div className={styles.facts}>
        <span>{heard === 0 ? t.common.never : ago(heard)}</span>
        {due !== null && (
          <small data-tone={due < 0 ? 'bad' : undefined} className={due < 0 ? '' : 'muted'}>
            {due < 0
              ? w.beat.overdue(formatUptime(-due / 1000, t.locale))
              : w.beat.nextBy(formatUptime(due / 1000, t.locale))}
          </small>
        )}
      </div>
    </div>
  )
})

/** Milliseconds until it is late, negative since when it has been. */
export const dueOf = (beat: Heartbeat, now: number): number | null =>
  beat.deadline === null ? null : beat.deadline - now

const example = `heartbeats:
  jobs:
  - {name: backup, schedule: '0 3 * * *', timezone: Europe/Berlin, grace: 1h}
  - {name: sync, period: 5m}`

function NoHeartbeats() {
  const w = useWords()
  return (
    <Message icon={<IconHeartbeat size={44} stroke={1.3} />} title={w.beat.emptyTitle}>
      <p>{w.beat.emptyHint}</p>
      <CodeBlock text={example} language="yaml" />
      <p>{w.beat.howHint}</p>
      <CodeBlock
        text="0 3 * * *  watchfire heartbeat backup -- /usr/local/bin/backup --all"
        language="text"
      />
      <p>{w.beat.howCurl}</p>
      <CodeBlock
        text={`curl -fsS -m 10 --retry 3 ${window.location.origin}/api/v1/heartbeats/backup`}
        language="text"
      />
      <p>{w.beat.emptyMore}</p>
      <AfterChange />
    </Message>
  )
}
