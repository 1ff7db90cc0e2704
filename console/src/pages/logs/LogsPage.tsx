import { useComputedColorScheme } from '@mantine/core'
import { useQueryClient } from '@tanstack/react-query'
import { useEffect, useMemo, useRef, useState } from 'react'
import { logRange } from '@/api/logs'
import { MetricAnswer, type MetricSource } from '@/components/MetricAnswer'
import { useMessages } from '@/i18n'
import { asQuery } from '@/lib/logql/edit'
import { isMetric } from '@/lib/logql/shape'
import { nanosOf } from '@/lib/nanos'
import { liveKey } from '@/state/live'
import { logqlHistory } from '@/state/queryHistory'
import { EmptyLogs } from './EmptyLogs'
import { HistogramPanel } from './HistogramPanel'
import { levelVariables } from '@/components/levelVariables'
import { LinesPanel } from './LinesPanel'
import styles from './LogsPage.module.css'
import { useLogsSearch } from './logsSearch'
import { LogsQuery } from './LogsQuery'
import { TailPanel } from './TailPanel'
import { useBase } from './useBase'
import { useHistogram } from './useHistogram'
import { useLines } from './useLines'

const numbers: MetricSource = {
  name: 'logs',
  ask: async (query, range, signal) => {
    const { data, exchange } = await logRange({ query, ...range }, signal)
    return { series: data.result.type === 'matrix' ? data.result.series : [], exchange }
  },
}

/** Search in logs. What is typed is a draft; what was run is in the address. */
export function LogsPage() {
  const t = useMessages('logs')
  const client = useQueryClient()
  const base = useBase()
  const [state, change] = useLogsSearch()
  const [turn, setTurn] = useState(0)
  const [inspecting, setInspecting] = useState(false)
  const [tailError, setTailError] = useState<Error | null>(null)
  const scheme = useComputedColorScheme('dark', { getInitialValueInEffect: false })
  const ran = state.query ?? (base?.any === true ? base.selector : null)
  const [draft, setDraft] = useState(ran ?? '')

  // Following a link, going back or a click on a value replaces the draft.
  const seen = useRef(ran)
  useEffect(() => {
    if (seen.current === ran) return
    seen.current = ran
    setDraft(ran ?? '')
  }, [ran])

  const metric = ran !== null && isMetric(ran)
  const asked = ran === null || ran.trim() === '' || metric ? null : ran
  const lines = useLines({
    query: state.tail ? null : asked,
    order: state.order,
    line: state.line,
    turn,
  })
  const error = lines.error ?? (state.tail ? tailError : null)
  const levelName = useMemo(() => (level: string) => t.common.levels[level] ?? level, [t])
  const histogram = useHistogram(error === null ? asked : null, levelName)

  const run = (text: string) => {
    const query = asQuery(text, base?.selector ?? '{service_name=~".+"}')
    if (query === '') return
    setDraft(query)
    logqlHistory.remember([query])
    if (query === state.query) {
      setTurn((old) => old + 1)
      void client.invalidateQueries({ queryKey: [liveKey] })
    } else {
      seen.current = query
      change({ query })
    }
  }
  return (
    <div className={styles.page} style={levelVariables(scheme)} data-filled={asked !== null || undefined}>
      <h1 className={styles.title}>{t.logs.title}</h1>
      <LogsQuery
        draft={draft}
        ran={ran ?? ''}
        onDraft={setDraft}
        onRun={run}
        running={lines.loading}
        error={metric ? null : error}
        first={lines.first}
        state={state}
        inspecting={inspecting}
        onInspect={setInspecting}
      />
      {ran === null && base?.any === false && <EmptyLogs />}
      {metric && <MetricAnswer source={numbers} query={ran} turn={turn} inspecting={inspecting} />}
      {asked !== null && lines.error === null && (
        <>
          <HistogramPanel
            histogram={histogram}
            lines={lines}
            query={asked}
            onQuery={run}
            onMoment={(at) => change({ line: `${nanosOf(at)}-`, order: 'newest', tail: false })}
          />
          {state.tail ? (
            <TailPanel query={asked} state={state} change={change} onQuery={run} onError={setTailError} />
          ) : (
            <LinesPanel
              query={asked}
              lines={lines}
              histogram={histogram}
              state={state}
              change={change}
              onQuery={run}
            />
          )}
        </>
      )}
    </div>
  )
}
