import { Skeleton, useComputedColorScheme } from '@mantine/core'
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { useMemo } from 'react'
import type { Exchange, RangeSeries } from '@/api/types'
import { Legend } from '@/components/chart/Legend'
import type { ChartData, ChartSpec } from '@/components/chart/model'
import { TimeChart } from '@/components/chart/TimeChart'
import { useIsolation } from '@/components/chart/useIsolation'
import { InspectedExchange, Inspection } from '@/components/Inspection'
import { PlanTree } from '@/components/plan/PlanTree'
import { QueryError } from '@/components/QueryError'
import { useMessages } from '@/i18n'
import { epochMs, ms } from '@/lib/brand'
import { frameOf } from '@/lib/frame'
import { withGaps } from '@/lib/gaps'
import { seriesName } from '@/lib/matcher'
import { seriesColor } from '@/lib/palette'
import { mistakeIn } from '@/lib/serverError'
import { alignRange, chooseStep } from '@/lib/step'
import { encodeTimePoint, resolveRange } from '@/lib/time'
import { liveKey } from '@/state/live'
import { useTimeState } from '@/state/timeSearch'
import styles from './MetricAnswer.module.css'

const points = 240
const seriesMax = 100
const spec: ChartSpec = { style: 'line', unit: 'short' }

/** Who answers metric queries, in which language. */
export interface MetricSource {
  readonly name: string
  readonly ask: (
    query: string,
    range: { readonly start: number; readonly end: number; readonly stepMs: number },
    signal: AbortSignal,
  ) => Promise<MetricSeries>
}

export interface MetricSeries {
  readonly series: readonly RangeSeries[]
  /** The request, where the server can tell how it was answered. */
  readonly exchange: Exchange | null
}

interface MetricAnswerProps {
  readonly source: MetricSource
  readonly query: string
  readonly turn: number
  readonly inspecting: boolean
}

/** A query of logs or traces that gives numbers: they are drawn. */
export function MetricAnswer({ source, query, turn, inspecting }: MetricAnswerProps) {
  const t = useMessages()
  const scheme = useComputedColorScheme('dark', { getInitialValueInEffect: false })
  const { range, zone } = useTimeState()
  const rangeKey = `${encodeTimePoint(range.from)}..${encodeTimePoint(range.to)}@${zone}`
  const asked = useQuery({
    queryKey: [liveKey, source.name, 'metric', query, rangeKey, turn],
    structuralSharing: false,
    placeholderData: keepPreviousData,
    retry: false,
    queryFn: async ({ signal }) => {
      const { from, to } = resolveRange(range, epochMs(Date.now()), zone)
      const stepMs = chooseStep(ms(to - from), points)
      const { start, end } = alignRange(from, to, stepMs)
      const given = await source.ask(query, { start, end: Math.max(start, end), stepMs }, signal)
      return { ...given, from, to, stepMs }
    },
  })
  const answer = asked.data
  const chart = useMemo((): ChartData | null => {
    if (answer === undefined) return null
    const frame = withGaps(frameOf(answer.series.slice(0, seriesMax)), answer.stepMs)
    const series = frame.series.map(({ key, labels, values }, index) => ({
      key,
      label: Object.keys(labels).length === 0 ? query : seriesName(labels),
      color: seriesColor(index, scheme),
      values,
    }))
    return { times: frame.times, from: answer.from, to: answer.to, series }
  }, [answer, scheme, query])
  const keyText = chart?.series.map(({ key }) => key).join('\n') ?? ''
  const keys = useMemo(() => keyText.split('\n'), [keyText])
  const [hidden, toggle] = useIsolation(keys)
  if (asked.error !== null) {
    return <QueryError message={asked.error.message} text={query} mistake={mistakeIn(asked.error, query)} />
  }
  return (
    <>
      {inspecting && answer?.exchange != null && (
        <Inspection>
          <InspectedExchange name={t.query.answer} exchange={answer.exchange}>
            <PlanTree key={query} url={answer.exchange.url} subject={query} />
          </InspectedExchange>
        </Inspection>
      )}
      <section className={styles.panel} aria-label={t.query.answer}>
        {chart === null && <Skeleton height={360} radius="sm" />}
        {chart?.series.length === 0 && <p className={styles.note}>{t.common.noData}</p>}
        {chart !== null && chart.series.length > 0 && (
          <>
            <TimeChart label={query} data={chart} spec={spec} height={360} hidden={hidden} />
            <Legend series={chart.series} unit="short" hidden={hidden} onToggle={toggle} />
          </>
        )}
        {(answer?.series.length ?? 0) > seriesMax && (
          <p className={styles.note}>{t.query.manySeries(seriesMax, answer?.series.length ?? 0)}</p>
        )}
      </section>
    </>
  )
}
