import { Button, useComputedColorScheme } from '@mantine/core'
import { IconDatabaseSearch } from '@tabler/icons-react'
import { useQueryClient } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { useEffect, useMemo, useRef, useState } from 'react'
import { traceMatrix } from '@/api/traceNumbers'
import type { FoundTrace } from '@/api/traces'
import { Message } from '@/components/Message'
import { MetricAnswer, type MetricSource } from '@/components/MetricAnswer'
import { traceVariables } from '@/components/traceVariables'
import { TracesTabs } from '@/components/TracesTabs'
import screen from '@/components/Screen.module.css'
import { useMessages } from '@/i18n'
import { ms } from '@/lib/brand'
import { quantile, type DurationBucket } from '@/lib/trace/buckets'
import { durationLiteral, narrowed } from '@/lib/traceql/filter'
import { isMetric } from '@/lib/traceql/tokens'
import { liveKey } from '@/state/live'
import { traceqlHistory } from '@/state/queryHistory'
import { useTimeState } from '@/state/timeSearch'
import { traceIdPattern } from '@/state/traceSearch'
import { EmptyTraces } from './EmptyTraces'
import type { Point } from './Scatter'
import { Reach } from './Reach'
import { ScatterPanel } from './ScatterPanel'
import { TraceList } from './TraceList'
import styles from './TracesPage.module.css'
import { TracesQuery } from './TracesQuery'
import { useTracesState } from './tracesState'
import {
  asQuery,
  pageTraces,
  tracesKey,
  tracesMax,
  useAnyTraces,
  useRangeKey,
  useSpanCounts,
  useTraces,
  type Traces,
} from './useTraces'

const numbers: MetricSource = {
  name: 'traces',
  ask: async (query, { start, end, stepMs }, signal) => ({
    series: await traceMatrix(query, { from: start - stepMs, to: end }, stepMs, signal),
    exchange: null,
  }),
}

function pointsOf(data: Traces | null, show: 'traces' | 'spans', noRoot: string): Point[] {
  if (data === null) return []
  const ofTrace = (trace: FoundTrace): Point => ({
    key: trace.traceId,
    traceId: trace.traceId,
    spanId: null,
    at: trace.startMs,
    ms: trace.durationMs,
    failed: trace.errors > 0,
    title: trace.rootService === null ? noRoot : `${trace.rootService} ${trace.rootName ?? ''}`,
  })
  const points =
    show === 'traces'
      ? data.traces.map(ofTrace)
      : data.traces.flatMap(({ traceId, found }) =>
          found.map((span): Point => ({
            key: `${traceId}${span.spanId}`,
            traceId,
            spanId: span.spanId,
            at: span.startMs,
            ms: span.durationMs,
            failed: span.failed,
            title: `${span.service} ${span.name}`,
          })),
        )
  return points.sort((a, b) => a.at - b.at)
}

/** Search for traces. What is typed is a draft; what was run is in the address. */
export function TracesPage() {
  const t = useMessages('traces').traces
  const client = useQueryClient()
  const navigate = useNavigate()
  const scheme = useComputedColorScheme('dark', { getInitialValueInEffect: false })
  const any = useAnyTraces()
  const [state, change] = useTracesState()
  const [turn, setTurn] = useState(0)
  const ran = state.query ?? '{ }'
  const [draft, setDraft] = useState(ran)
  const [limit, setLimit] = useState(pageTraces)

  // Following a link, going back or a click on a value replaces the draft.
  const seen = useRef(ran)
  useEffect(() => {
    if (seen.current === ran) return
    seen.current = ran
    setDraft(ran)
    setLimit(pageTraces)
  }, [ran])

  const metric = isMetric(ran)
  const asked = metric || any !== true ? null : ran
  const found = useTraces({ query: asked, show: state.show, limit, turn })
  const counts = useSpanCounts(found.error === null ? asked : null)
  const [held, setHeld] = useState<Traces | null>(null)
  const fresh = asked === null ? null : (found.data ?? null)
  // What is under the hand stays, unless something else was asked for.
  const key = tracesKey({ query: asked, show: state.show, limit, turn }, useRangeKey())
  const data = held?.key === key ? held : fresh
  const points = useMemo(() => pointsOf(data, state.show, t.noRoot), [data, state.show, t])
  const slow = useMemo(() => {
    const threshold = quantile(
      points.map((point) => point.ms),
      0.9,
    )
    return threshold === null ? null : durationLiteral(threshold)
  }, [points])

  const run = (text: string) => {
    const query = asQuery(text)
    if (traceIdPattern.test(query)) {
      void navigate({ to: '/traces/$id', params: { id: query.toLowerCase() } })
      return
    }
    setDraft(query)
    setLimit(pageTraces)
    setHeld(null)
    traceqlHistory.remember([query])
    if (query === state.query) {
      setTurn((old) => old + 1)
      void client.invalidateQueries({ queryKey: [liveKey] })
    } else {
      seen.current = query
      change({ query })
    }
  }
  const onDuration = ({ from, to }: DurationBucket) => {
    const field = state.show === 'spans' ? 'duration' : 'traceDuration'
    run(
      narrowed(ran, [
        { field, op: '>=', value: durationLiteral(from) },
        { field, op: '<', value: durationLiteral(to) },
      ]),
    )
  }
  const more = () => setLimit((old) => Math.min(old + pageTraces, tracesMax))
  return (
    <div className={styles.page} style={traceVariables(scheme)}>
      <h1 className={screen.title}>{t.title}</h1>
      <TracesTabs />
      {any === false ? (
        <EmptyTraces />
      ) : (
        <>
          <TracesQuery
            draft={draft}
            ran={ran}
            onDraft={setDraft}
            onRun={run}
            running={found.isFetching && found.isPlaceholderData}
            error={metric ? null : found.error}
            exchange={data?.exchange ?? null}
            slow={slow}
          />
          {metric && <MetricAnswer source={numbers} query={ran} turn={turn} inspecting={false} />}
          {!metric && found.error === null && (
            <>
              <ScatterPanel
                data={data}
                points={points}
                counts={counts}
                onDuration={onDuration}
                reach={data !== null && <Reach data={data} query={ran} slow={slow} onQuery={run} />}
              />
              {data?.traces.length === 0 ? (
                <Nothing />
              ) : (
                data !== null && (
                  <TraceList
                    data={data}
                    state={state}
                    change={change}
                    loading={found.isFetching && limit > data.limit}
                    onMore={more}
                    onHold={(hold) => setHeld(hold ? data : null)}
                  />
                )
              )}
            </>
          )}
        </>
      )}
    </div>
  )
}

function Nothing() {
  const t = useMessages('traces').traces
  const { setRange } = useTimeState()
  const day = { kind: 'relative', back: ms(86_400_000), floor: null } as const
  const now = { kind: 'relative', back: ms(0), floor: null } as const
  return (
    <Message
      icon={<IconDatabaseSearch size={40} stroke={1.4} />}
      title={t.nothing}
      actions={
        <Button variant="default" onClick={() => setRange({ from: day, to: now })}>
          {t.widen}
        </Button>
      }
    >
      <p>{t.nothingHint}</p>
    </Message>
  )
}
