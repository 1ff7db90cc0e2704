import { useMediaQuery } from '@mantine/hooks'
import { IconPlugConnected } from '@tabler/icons-react'
import { getRouteApi } from '@tanstack/react-router'
import { memo, useMemo } from 'react'
import { checks, checkStates, type Check, type CheckState } from '@/api/lookout'
import { CodeBlock } from '@/components/CodeBlock'
import { Message } from '@/components/Message'
import { FilterBar, Mark, Split, type Tone } from '@/components/watch/kit'
import { Strip } from '@/components/watch/Strip'
import { Unavailable } from '@/components/watch/Unavailable'
import { useWalk } from '@/components/watch/useWalk'
import { WindowList } from '@/components/WindowList'
import { useMessages } from '@/i18n'
import { formatUptime } from '@/lib/ago'
import { hasWords, labelWords } from '@/lib/lookout'
import type { Cell } from '@/lib/strip'
import { useCurrent } from '@/state/current'
import { useNow } from '@/state/live'
import type { LookoutSearch } from '@/state/lookoutSearch'
import { AfterChange } from './AfterChange'
import { CheckDetail } from './CheckDetail'
import { NoMatch } from './ProbesTab'
import styles from './rows.module.css'
import { stripsMax, useStrips } from './useStrips'
import { useWords } from './words'

const route = getRouteApi('/probes')

export const checkTone: Readonly<Record<CheckState, Tone>> = {
  ok: 'good',
  warning: 'warn',
  critical: 'bad',
  unknown: 'busy',
  pending: 'quiet',
}

const numbered: readonly CheckState[] = ['ok', 'warning', 'critical', 'unknown']
export const checkStateOf = (value: number): CheckState => numbered[value] ?? 'unknown'
export const checkCourse = (chosen: string) => (step: string) =>
  `max_over_time(nagios_hard_state${chosen}[${step}])`

/** The labels of a plugin's series. */
export const checkLabels = (check: Check) => ({ job: 'nagios', ...check.labels, check: check.name })

/** What is shown of a plugin: what is certain, or, before anything is, what it said. */
export const shownState = (check: Check): CheckState =>
  check.hardState === 'pending' ? check.state : check.hardState

const keyOf = (check: Check): string => [check.name, ...Object.values(check.labels)].join(' ')
const wordsOf = (check: Check): string =>
  `${check.name} ${check.summary} ${check.trouble} ${check.program} ${labelWords(check.labels)}`

/** Plugins of Nagios: what they say. */
export function ChecksTab() {
  const w = useWords()
  const search = route.useSearch()
  const { filter = '', open } = search
  const navigate = route.useNavigate()
  const narrow = useMediaQuery('(width <= 760px)', false, { getInitialValueInEffect: false })
  const found = useCurrent(['checks'], checks)
  const set = (change: LookoutSearch) =>
    void navigate({ search: (old) => ({ ...old, ...change }), replace: true, resetScroll: false })
  const chosen = checkStates.find((state) => state === search.state)
  const all = useMemo(() => found.data ?? [], [found.data])
  const matching = useMemo(
    () => (filter === '' ? all : all.filter((check) => hasWords(wordsOf(check), filter))),
    [all, filter],
  )
  const shown = useMemo(
    () =>
      matching
        .filter((check) => chosen === undefined || shownState(check) === chosen)
        .sort(
          (a, b) =>
            checkStates.indexOf(shownState(a)) - checkStates.indexOf(shownState(b)) ||
            a.name.localeCompare(b.name, undefined, { numeric: true }),
        ),
    [matching, chosen],
  )
  const strips = useStrips({
    expr: all.length === 0 || all.length > stripsMax ? null : checkCourse(''),
    stateOf: checkStateOf,
  })
  const selected = all.find((check) => keyOf(check) === open)
  useWalk({ items: shown, keyOf, open, onOpen: (next) => set({ open: next }) })

  if (found.data === undefined) return <Unavailable error={found.error} missing={w.unknown} />
  if (all.length === 0) return <NoChecks />
  return (
    <>
      <FilterBar
        label={w.filterLabel}
        placeholder={w.filter}
        filter={filter}
        onFilter={(next) => set({ filter: next })}
        statesLabel={w.states}
        choices={checkStates.map((state) => ({
          state,
          text: w.check.state[state],
          tone: checkTone[state],
          count: matching.filter((check) => shownState(check) === state).length,
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
                label={w.tabs.checks}
                items={shown}
                itemKey={keyOf}
                size={() => (narrow ? 84 : 56)}
                chosen={open ?? null}
              >
                {(check) => (
                  <CheckRow
                    check={check}
                    open={keyOf(check) === open}
                    from={strips?.from ?? 0}
                    to={strips?.to ?? 0}
                    cells={strips?.cellsOf(checkLabels(check), check.intervalSeconds * 1000) ?? none}
                    onOpen={(key) => set({ open: key })}
                  />
                )}
              </WindowList>
            </div>
          )
        }
        detail={
          selected === undefined ? null : (
            <CheckDetail key={open} check={selected} onClose={() => set({ open: undefined })} />
          )
        }
      />
    </>
  )
}

const none: readonly Cell<CheckState>[] = []

interface CheckRowProps {
  readonly check: Check
  readonly open: boolean
  readonly from: number
  readonly to: number
  readonly cells: readonly Cell<CheckState>[]
  readonly onOpen: (key: string) => void
}

const CheckRow = memo(function CheckRow({ check, open, from, to, cells, onOpen }: CheckRowProps) {
  const t = useMessages()
  const w = useWords()
  const now = useNow()
  const state = shownState(check)
  const soft = check.state !== check.hardState
  return (
    <div className={styles.row} data-open={open || undefined}>
      <Mark tone={checkTone[state]}>{w.check.state[state]}</Mark>
      <div className={styles.what}>
        <button
          type="button"
          className={styles.name}
          aria-current={open || undefined}
          title={check.name}
          onClick={() => onOpen(keyOf(check))}
        >
          {check.name}
        </button>
        <span
          className={styles.note}
          data-tone={check.trouble === '' ? undefined : 'bad'}
          title={check.trouble || check.summary}
        >
          {check.trouble || check.summary || check.program}
        </span>
      </div>
      <div className={styles.course}>
        <Strip
          label={w.strip(check.name)}
          from={from}
          to={to}
          cells={cells}
          tone={(s) => checkTone[s]}
          text={(s) => w.check.state[s]}
        />
      </div>
      <div className={styles.facts}>
        <span>{check.since === null ? '' : w.since(formatUptime((now - check.since) / 1000, t.locale))}</span>
        {soft && check.state !== 'ok' && check.state !== 'pending' && (
          <small data-tone={checkTone[check.state]}>
            {w.check.state[check.state]} {check.attempt}/{check.attemptsMax}
          </small>
        )}
      </div>
    </div>
  )
})

const example = `checks:
  commands:
  - {name: disk, command: [/usr/lib/nagios/plugins/check_disk, -w, '10%', -c, '5%', -p, /]}`

const rule = `- alert: PerfdataOverLimit
  expr: nagios_perfdata_value > nagios_perfdata_critical_high and nagios_perfdata_critical_inside == 0`

function NoChecks() {
  const w = useWords()
  return (
    <Message icon={<IconPlugConnected size={44} stroke={1.3} />} title={w.check.emptyTitle}>
      <p>{w.check.emptyHint}</p>
      <CodeBlock text={example} language="yaml" />
      <p>{w.check.emptyMore}</p>
      <CodeBlock text={rule} language="yaml" />
      <AfterChange />
    </Message>
  )
}
