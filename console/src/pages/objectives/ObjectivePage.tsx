import { Button, SegmentedControl, useComputedColorScheme } from '@mantine/core'
import {
  IconAffiliate,
  IconArrowLeft,
  IconBell,
  IconBug,
  IconExternalLink,
  IconLogs,
  IconTargetArrow,
  IconTimeline,
} from '@tabler/icons-react'
import { getRouteApi, Link } from '@tanstack/react-router'
import { useCallback, useMemo, useState } from 'react'
import { ApiError } from '@/api/http'
import { objective as fetchObjective, type ObjectiveDetail } from '@/api/objectives'
import { chartData, FramePanel } from '@/components/chart/FramePanel'
import type { ChartSpec } from '@/components/chart/model'
import { Panel } from '@/components/chart/Panel'
import { TimeChart } from '@/components/chart/TimeChart'
import { CodeBlock } from '@/components/CodeBlock'
import { Message } from '@/components/Message'
import { Mark, Part } from '@/components/watch/kit'
import kit from '@/components/watch/kit.module.css'
import { Unavailable } from '@/components/watch/Unavailable'
import { useRangeSpan } from '@/components/watch/useRangeSpan'
import { ms } from '@/lib/brand'
import { parseDuration } from '@/lib/duration'
import { burnsByWindow, withWindow } from '@/lib/objectives'
import { quote } from '@/lib/matcher'
import { chooseStep } from '@/lib/step'
import { useCurrent, useRefreshByHand } from '@/state/current'
import { useLiveFrame } from '@/state/live'
import { useTimeState } from '@/state/timeSearch'
import { BurnAlerts, BurnList, Standing, stateTone } from './parts'
import styles from './objectives.module.css'
import { useWords } from './words'

const route = getRouteApi('/objectives/$name')

/** One objective: its budget over the window, how fast it burns, who is told. */
export function ObjectivePage() {
  const w = useWords()
  const { name } = route.useParams()
  useRefreshByHand()
  const found = useCurrent(['objective', name], (signal) => fetchObjective(name, signal), { slowest: 5000 })
  if (found.error instanceof ApiError && found.error.kind === 'missing') {
    return (
      <Message
        icon={<IconTargetArrow size={44} stroke={1.3} />}
        title={w.gone}
        actions={
          <Button variant="default" renderRoot={(props) => <Link {...props} to="/objectives" />}>
            {w.back}
          </Button>
        }
      >
        {w.goneHint}
      </Message>
    )
  }
  if (found.data === undefined) return <Unavailable error={found.error} missing={w.unknown} />
  return <Known objective={found.data} />
}

function Known({ objective }: { readonly objective: ObjectiveDetail }) {
  const w = useWords()
  const { setRange } = useTimeState()
  const windowMs = parseDuration(objective.window)
  const showWindow = () =>
    setRange({
      from: { kind: 'relative', back: windowMs ?? ms(0), floor: null },
      to: { kind: 'relative', back: ms(0), floor: null },
    })
  return (
    <div className={kit.page}>
      <header className={styles.head}>
        <Button
          variant="subtle"
          color="gray"
          leftSection={<IconArrowLeft size={15} />}
          renderRoot={(props) => <Link {...props} to="/objectives" />}
        >
          {w.back}
        </Button>
        <h1>{objective.name}</h1>
        <Mark tone={stateTone[objective.state]}>{w.state[objective.state]}</Mark>
      </header>
      {objective.description !== '' && <p className="muted">{objective.description}</p>}
      <section className={styles.panel}>
        <Standing objective={objective} />
        <Ways objective={objective} />
      </section>
      <div className={kit.actions}>
        {windowMs !== null && (
          <Button variant="default" onClick={showWindow}>
            {w.allWindow(objective.window)}
          </Button>
        )}
      </div>
      <Charts objective={objective} />
      <div className={styles.grid}>
        <section className={styles.panel} aria-label={w.burnTable}>
          <h2>{w.burnTable}</h2>
          <p className={kit.hint}>{w.burnHelp}</p>
          <BurnList objective={objective} />
        </section>
        <section className={styles.panel} aria-label={w.alerts}>
          <h2>{w.alerts}</h2>
          <p className={kit.hint}>{w.alertsHint}</p>
          <BurnAlerts objective={objective} />
        </section>
      </div>
      <section className={styles.panel}>
        <Indicator objective={objective} />
        <Part title={w.rules} hint={w.rulesHint}>
          <CodeBlock text={objective.rules.trimEnd()} language="yaml" />
        </Part>
      </section>
    </div>
  )
}

/** What is good and what is all, as it is counted. */
export function Indicator({ objective }: { readonly objective: ObjectiveDetail }) {
  const w = useWords()
  const { kind, good, total } = objective.sli
  return (
    <Part title={w.indicator} hint={w.kind[kind] ?? kind}>
      {good !== '' && (
        <>
          <span className="muted">{w.good}</span>
          <CodeBlock text={good} language="text" />
        </>
      )}
      {total !== '' && (
        <>
          <span className="muted">{w.total}</span>
          <CodeBlock text={total} language="text" />
        </>
      )}
    </Part>
  )
}

const budgetSpec: ChartSpec = { style: 'area', unit: 'ratio', max: 1 }

/** The budget over the range, and errors against what is allowed. */
export function Charts({ objective }: { readonly objective: ObjectiveDetail }) {
  const w = useWords()
  const step = chooseStep(useRangeSpan(), 200)
  const budget = useLiveFrame(objective.queries.budget, step)
  const look = useCallback(() => ({ label: w.budget }), [w])
  return (
    <div className={styles.grid}>
      <FramePanel
        title={w.budgetChart}
        help={w.budgetHelp}
        expr={objective.queries.budget}
        live={budget}
        spec={budgetSpec}
        look={look}
        height={190}
      />
      <ErrorChart objective={objective} />
    </div>
  )
}

function ErrorChart({ objective }: { readonly objective: ObjectiveDetail }) {
  const w = useWords()
  const scheme = useComputedColorScheme('dark', { getInitialValueInEffect: false })
  const step = chooseStep(useRangeSpan(), 200)
  const windows = useMemo(
    () =>
      burnsByWindow(objective.burnRates)
        .map(({ window }) => window)
        .reverse(),
    [objective.burnRates],
  )
  const [chosen, setChosen] = useState<string | null>(null)
  const window = chosen ?? (windows.includes('1h') ? '1h' : (windows[0] ?? '1h'))
  const expr = withWindow(objective.queries.errorRatio, window)
  const live = useLiveFrame(expr, step)
  const allowed = 1 - objective.target
  const data = useMemo(() => {
    if (live.data === undefined) return null
    const lines = chartData(live.data, () => ({ label: w.errors }), scheme)
    return {
      ...lines,
      series: [
        ...lines.series,
        {
          key: 'allowed',
          label: w.allowed,
          color: scheme === 'dark' ? '#ff7b72' : '#c92a3b',
          dashed: true,
          values: lines.times.map(() => allowed),
        },
      ],
    }
  }, [live.data, scheme, allowed, w])
  return (
    <Panel
      title={w.errorChart}
      exprs={[expr]}
      extra={
        <SegmentedControl
          size="xs"
          aria-label={w.ofWindow}
          value={window}
          onChange={setChosen}
          data={windows.length === 0 ? [window] : windows}
        />
      }
    >
      {data !== null && data.times.length > 0 ? (
        <TimeChart
          label={w.errorChart}
          data={data}
          spec={{ style: 'line', unit: 'ratio', min: 0 }}
          height={190}
        />
      ) : (
        <p className="muted" style={{ height: 190 }}>
          {live.error?.message ?? (data === null ? '' : w.state.noData)}
        </p>
      )}
    </Panel>
  )
}

/** From the objective to what explains it. */
function Ways({ objective }: { readonly objective: ObjectiveDetail }) {
  const w = useWords()
  const { service } = objective
  return (
    <div className={kit.actions}>
      <Button
        variant="default"
        leftSection={<IconBell size={15} />}
        renderRoot={(props) => (
          <Link {...props} to="/alerts" search={{ filter: `objective=${quote(objective.name)}` }} />
        )}
      >
        {w.ways.alerts}
      </Button>
      {service !== '' && (
        <>
          <Button
            variant="default"
            leftSection={<IconAffiliate size={15} />}
            renderRoot={(props) => (
              <Link {...props} to="/entities/$type" params={{ type: 'service' }} search={{ id: service }} />
            )}
          >
            {w.ways.service}
          </Button>
          <Button
            variant="default"
            leftSection={<IconTimeline size={15} />}
            renderRoot={(props) => (
              <Link
                {...props}
                to="/traces"
                search={{ q: `{ resource.service.name = ${quote(service)} && status = error }` }}
              />
            )}
          >
            {w.ways.traces}
          </Button>
          <Button
            variant="default"
            leftSection={<IconLogs size={15} />}
            renderRoot={(props) => (
              <Link {...props} to="/logs" search={{ q: `{service_name=${quote(service)}}` }} />
            )}
          >
            {w.ways.logs}
          </Button>
          <Button
            variant="default"
            leftSection={<IconBug size={15} />}
            renderRoot={(props) => <Link {...props} to="/errors" search={{ service }} />}
          >
            {w.ways.errors}
          </Button>
        </>
      )}
      <Button
        variant="default"
        leftSection={<IconExternalLink size={15} />}
        renderRoot={(props) => <Link {...props} to="/explore" search={{ q: [objective.queries.budget] }} />}
      >
        {w.ways.explore}
      </Button>
    </div>
  )
}
