import { Button } from '@mantine/core'
import { useMediaQuery } from '@mantine/hooks'
import { IconWorldSearch, IconZoomExclamation } from '@tabler/icons-react'
import { getRouteApi } from '@tanstack/react-router'
import { memo, useMemo } from 'react'
import { probes, type ProbeTarget } from '@/api/lookout'
import { CodeBlock } from '@/components/CodeBlock'
import { Message } from '@/components/Message'
import { FilterBar, Mark, Split, type Tone } from '@/components/watch/kit'
import { Strip } from '@/components/watch/Strip'
import { Unavailable } from '@/components/watch/Unavailable'
import { useWalk } from '@/components/watch/useWalk'
import { WindowList } from '@/components/WindowList'
import { certificateTone, daysLeft, hasWords, labelWords } from '@/lib/lookout'
import type { Cell } from '@/lib/strip'
import { formatCount, formatSeconds } from '@/lib/units'
import { useCurrent } from '@/state/current'
import { useNow } from '@/state/live'
import type { LookoutSearch } from '@/state/lookoutSearch'
import { AfterChange } from './AfterChange'
import { ProbeDetail } from './ProbeDetail'
import styles from './rows.module.css'
import { stripsMax, useStrips } from './useStrips'
import { useWords } from './words'

const route = getRouteApi('/probes')

export const probeStates = ['down', 'up', 'new'] as const
export type ProbeState = (typeof probeStates)[number]

export const probeTone: Readonly<Record<ProbeState, Tone>> = { up: 'good', down: 'bad', new: 'quiet' }

export const probeState = ({ last }: ProbeTarget): ProbeState =>
  last === null ? 'new' : last.success ? 'up' : 'down'

const upOrDown = (value: number): ProbeState => (value > 0 ? 'up' : 'down')

/** The values of its labels tell a target from others, and can be read in the address. */
export const probeKey = ({ target, labels }: ProbeTarget): string =>
  [target, ...Object.entries(labels).flatMap(([name, value]) => (name === 'instance' ? [] : [value]))].join(
    ' ',
  )

const wordsOf = (probe: ProbeTarget): string =>
  `${probe.target} ${probe.module} ${probe.prober} ${probe.last?.failure ?? ''} ${labelWords(probe.labels)}`

/** Targets that the server looks at: whether they are well, and were. */
export function ProbesTab() {
  const w = useWords()
  const search = route.useSearch()
  const { filter = '', open } = search
  const navigate = route.useNavigate()
  const narrow = useMediaQuery('(width <= 760px)', false, { getInitialValueInEffect: false })
  const found = useCurrent(['probes'], probes)
  const set = (change: LookoutSearch) =>
    void navigate({ search: (old) => ({ ...old, ...change }), replace: true, resetScroll: false })
  const chosen = probeStates.find((state) => state === search.state)
  const all = useMemo(() => found.data?.targets ?? [], [found.data])
  const matching = useMemo(
    () => (filter === '' ? all : all.filter((probe) => hasWords(wordsOf(probe), filter))),
    [all, filter],
  )
  // What is down comes first; within that the order of the server stays.
  const shown = useMemo(
    () =>
      matching
        .filter((probe) => chosen === undefined || probeState(probe) === chosen)
        .map((probe, at) => ({ probe, at }))
        .sort(
          (a, b) =>
            probeStates.indexOf(probeState(a.probe)) - probeStates.indexOf(probeState(b.probe)) ||
            a.at - b.at,
        )
        .map(({ probe }) => probe),
    [matching, chosen],
  )
  const strips = useStrips({
    expr:
      all.length === 0 || all.length > stripsMax ? null : (step) => `min_over_time(probe_success[${step}])`,
    stateOf: upOrDown,
  })
  const selected = all.find((probe) => probeKey(probe) === open)
  useWalk({ items: shown, keyOf: probeKey, open, onOpen: (next) => set({ open: next }) })

  if (found.data === undefined) return <Unavailable error={found.error} missing={w.unknown} />
  if (all.length === 0) return <NoProbes />
  return (
    <>
      <FilterBar
        label={w.filterLabel}
        placeholder={w.filter}
        filter={filter}
        onFilter={(next) => set({ filter: next })}
        statesLabel={w.states}
        choices={probeStates.map((state) => ({
          state,
          text: w.probe.state[state],
          tone: probeTone[state],
          count: matching.filter((probe) => probeState(probe) === state).length,
        }))}
        chosen={chosen}
        onChoose={(state) => set({ state })}
      />
      {all.length > stripsMax && <p className="muted">{w.stripMany}</p>}
      <Split
        list={
          shown.length === 0 ? (
            <NoMatch total={all.length} onClear={() => set({ filter: undefined, state: undefined })} />
          ) : (
            <div className={styles.frame}>
              <WindowList
                label={w.tabs.probes}
                items={shown}
                itemKey={probeKey}
                size={() => (narrow ? 84 : 56)}
                chosen={open ?? null}
              >
                {(probe) => (
                  <ProbeRow
                    probe={probe}
                    open={probeKey(probe) === open}
                    from={strips?.from ?? 0}
                    to={strips?.to ?? 0}
                    cells={strips?.cellsOf(probe.labels, probe.intervalSeconds * 1000) ?? none}
                    onOpen={(key) => set({ open: key })}
                  />
                )}
              </WindowList>
            </div>
          )
        }
        detail={
          selected === undefined ? null : (
            <ProbeDetail
              key={open}
              probe={selected}
              modules={found.data.modules}
              onClose={() => set({ open: undefined })}
            />
          )
        }
      />
    </>
  )
}

const none: readonly Cell<ProbeState>[] = []

interface ProbeRowProps {
  readonly probe: ProbeTarget
  readonly open: boolean
  readonly from: number
  readonly to: number
  readonly cells: readonly Cell<ProbeState>[]
  readonly onOpen: (key: string) => void
}

const ProbeRow = memo(function ProbeRow({ probe, open, from, to, cells, onOpen }: ProbeRowProps) {
  const w = useWords()
  const now = useNow()
  const state = probeState(probe)
  const { last, labels } = probe
  const failure = last?.failure ?? ''
  const days = last?.certificateExpiry == null ? null : daysLeft(last.certificateExpiry, now)
  const own = Object.entries(labels).filter(([name]) => !['instance', 'module', 'job'].includes(name))
  return (
    <div className={styles.row} data-open={open || undefined}>
      <Mark tone={probeTone[state]}>{w.probe.state[state]}</Mark>
      <div className={styles.what}>
        <button
          type="button"
          className={styles.name}
          aria-current={open || undefined}
          title={probe.target}
          onClick={() => onOpen(probeKey(probe))}
        >
          {probe.target}
        </button>
        <span className={styles.note} data-tone={state === 'down' ? 'bad' : undefined} title={failure}>
          {failure !== ''
            ? failure
            : [probe.module, ...own.map(([name, value]) => `${name}=${value}`)].join(' · ')}
        </span>
      </div>
      <div className={styles.course}>
        <Strip
          label={w.strip(probe.target)}
          from={from}
          to={to}
          cells={cells}
          tone={(s) => probeTone[s]}
          text={(s) => w.probe.state[s]}
        />
      </div>
      <div className={styles.facts}>
        <span>{last === null ? '–' : formatSeconds(last.durationSeconds)}</span>
        {days !== null && <small data-tone={certificateTone(days)}>{w.probe.daysShort(days)}</small>}
      </div>
    </div>
  )
})

export function NoMatch({ total, onClear }: { readonly total: number; readonly onClear: () => void }) {
  const w = useWords()
  return (
    <Message
      icon={<IconZoomExclamation size={40} stroke={1.3} />}
      title={w.noMatch}
      actions={
        <Button variant="default" onClick={onClear}>
          {w.clearFilter}
        </Button>
      }
    >
      {w.noMatchHint(formatCount(total))}
    </Message>
  )
}

const example = `probes:
  targets:
  - {module: http_2xx, targets: ['https://example.org/'], interval: 30s, labels: {team: web}}
  - {module: tcp_connect, targets: ['db.example.org:5432']}
  - {module: icmp, targets: [192.0.2.1]}`

function NoProbes() {
  const w = useWords()
  return (
    <Message icon={<IconWorldSearch size={44} stroke={1.3} />} title={w.probe.emptyTitle}>
      <p>{w.probe.emptyHint}</p>
      <CodeBlock text={example} language="yaml" />
      <p>{w.probe.emptyMore}</p>
      <AfterChange extra={['watchfire probe http_2xx https://example.org/']} />
    </Message>
  )
}
