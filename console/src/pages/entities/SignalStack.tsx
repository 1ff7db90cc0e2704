import { useMemo } from 'react'
import type { EntityPage } from '@/api/entities'
import type { ServerEvent } from '@/api/events'
import { EventLanes } from '@/components/chart/EventLanes'
import { FramePanel, type SeriesLook } from '@/components/chart/FramePanel'
import type { Lane } from '@/components/chart/lanes'
import type { ChartSpec } from '@/components/chart/model'
import { Panel } from '@/components/chart/Panel'
import { useMessages } from '@/i18n'
import { ms } from '@/lib/brand'
import { formatDuration } from '@/lib/duration'
import { healthCharts, type HealthChart } from '@/lib/entityQueries'
import { eventLanes } from '@/lib/eventList'
import type { FrameSeries } from '@/lib/frame'
import { quote } from '@/lib/matcher'
import { seriesColor, type Scheme } from '@/lib/palette'
import { chooseStep, rateWindow } from '@/lib/step'
import { useLiveFrame, type FrameSource } from '@/state/live'
import { traceMatrix } from '@/api/traceNumbers'
import { LogLevels } from './LogLevels'
import styles from './SignalStack.module.css'
import { useInstances } from './useEntity'

/** All charts of the stack have a value axis as wide as this: a moment is at one place in all of them. */
const axisPixels = 74
const chartHeight = 104
const lanesMax = 10
/** Points a chart has, about. */
const points = 240
/** What is collected without saying how often comes at least this often. */
const usualIntervalMs = 15_000

interface SignalStackProps {
  readonly entity: EntityPage
  readonly events: readonly ServerEvent[]
  readonly range: { readonly from: number; readonly to: number }
}

/** How it does, its logs, spans, errors and events, on one axis of time. */
export function SignalStack({ entity, events, range }: SignalStackProps) {
  const e = useMessages('entities').entities
  const instances = useInstances(entity)
  const span = range.to - range.from
  const stepMs = chooseStep(ms(span), points)
  const window = rateWindow(stepMs, ms(usualIntervalMs))
  const { type, id, name } = entity
  const metricsText = entity.signals.metrics.map(({ selector }) => selector).join('\n')
  const charts = useMemo(
    () =>
      healthCharts(
        { type, id, name, metrics: metricsText === '' ? [] : metricsText.split('\n'), instances },
        window,
      ),
    [type, id, name, metricsText, instances, window],
  )
  const logs = richest(entity.signals.logs)
  const traces = richest(entity.signals.traces)
  const services = entity.signals.errors.flatMap(({ selector }) => {
    const service = /^service:"(.*)"$/.exec(selector)?.[1]
    return service === undefined ? [] : [service]
  })
  return (
    <section className={styles.stack} aria-label={e.signalsOnOneAxis}>
      {charts.map((chart) => (
        <Health key={chart.key} chart={chart} stepMs={stepMs} />
      ))}
      {charts.length === 0 && entity.signals.metrics.some(({ count }) => count > 0) && (
        <p className={styles.note}>{e.noHealthCharts}</p>
      )}
      {logs !== undefined && <LogLevels selector={logs} axisPixels={axisPixels} height={chartHeight} />}
      {traces !== undefined && <Spans filter={traces} span={span} />}
      {services.length > 0 && <Errors services={services} span={span} />}
      <Happenings events={events} range={range} />
    </section>
  )
}

function richest(selectors: EntityPage['signals']['logs']): string | undefined {
  return [...selectors].sort((a, b) => b.count - a.count).find(({ count }) => count > 0)?.selector
}

function Health({ chart, stepMs }: { readonly chart: HealthChart; readonly stepMs: number }) {
  const e = useMessages('entities').entities
  const live = useLiveFrame(chart.expr, ms(stepMs))
  const spec = useMemo(
    (): ChartSpec => ({
      style: 'line',
      unit: chart.unit,
      min: 0,
      axisPixels,
      ...(chart.max === undefined ? {} : { max: chart.max }),
    }),
    [chart.unit, chart.max],
  )
  const title = e.charts[chart.key]
  const look = useMemo(
    () =>
      (series: FrameSeries): SeriesLook => {
        const told = chart.by === '' ? '' : (series.labels[chart.by] ?? '')
        const kind = e.spanKinds[told.replace('SPAN_KIND_', '').toLowerCase()]
        return { label: kind ?? (told === '' ? title : told) }
      },
    [chart.by, title, e],
  )
  // What nobody reports is left out, but not what is on its way.
  if (live.data?.frame.series.length === 0) return null
  return (
    <FramePanel title={title} expr={chart.expr} live={live} spec={spec} look={look} height={chartHeight} />
  )
}

const spanSource: FrameSource = {
  name: 'traceql',
  ask: ({ expr, start, end, stepMs }, signal) =>
    traceMatrix(expr, { from: start, to: Math.max(end, start + 1) }, stepMs, signal),
  unfinished: false,
}

const barSteps = 80
const statusColor = (status: string, scheme: Scheme): string =>
  status === 'error' ? (scheme === 'dark' ? '#f0625d' : '#cc3440') : seriesColor(1, scheme)

/** How many spans there are, and how many of them failed. */
function Spans({ filter, span }: { readonly filter: string; readonly span: number }) {
  const e = useMessages('entities').entities
  const stepMs = chooseStep(ms(span), barSteps)
  const live = useLiveFrame(`${filter} | count_over_time() by (status)`, stepMs, spanSource)
  const spec = useMemo(
    (): ChartSpec => ({ style: 'bars', unit: 'short', min: 0, barMs: stepMs, axisPixels }),
    [stepMs],
  )
  const look = useMemo(
    () =>
      (series: FrameSeries, scheme: Scheme): SeriesLook => {
        const status = series.labels.status ?? ''
        return {
          label: status === 'error' ? e.spansFailed : e.spansOthers(status),
          color: status === 'unset' ? seriesColor(5, scheme) : statusColor(status, scheme),
          order: status === 'error' ? 0 : 1,
        }
      },
    [e],
  )
  return <FramePanel title={e.spans} expr={null} live={live} spec={spec} look={look} height={chartHeight} />
}

/** Error events of its services. */
function Errors({ services, span }: { readonly services: readonly string[]; readonly span: number }) {
  const e = useMessages('entities').entities
  const stepMs = chooseStep(ms(span), barSteps)
  const pattern = services.map((name) => name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('|')
  const expr = `sum by (service, level) (increase(errors_events_total{service=~${quote(pattern)}}[${formatDuration(stepMs)}])) > 0`
  const live = useLiveFrame(expr, stepMs)
  const spec = useMemo(
    (): ChartSpec => ({ style: 'bars', unit: 'short', min: 0, barMs: stepMs, axisPixels }),
    [stepMs],
  )
  const look = useMemo(
    () =>
      ({ labels }: FrameSeries): SeriesLook => ({
        label: [services.length > 1 ? labels.service : undefined, labels.level]
          .filter((text) => text !== undefined)
          .join(' '),
      }),
    [services.length],
  )
  if (live.data?.frame.series.length === 0) return null
  return <FramePanel title={e.errors} expr={expr} live={live} spec={spec} look={look} height={80} />
}

function Happenings({ events, range }: Pick<SignalStackProps, 'events' | 'range'>) {
  const e = useMessages('entities').entities
  const lanes = useMemo((): readonly Lane[] => {
    const grouped = eventLanes(events, ({ kind }) => kind, null, lanesMax)
    return grouped.lanes.map((kind) => ({
      key: kind,
      label: kind,
      color: '#888888',
      events: grouped.events.get(kind) ?? [],
      counts: null,
    }))
  }, [events])
  return (
    <Panel title={e.events}>
      {lanes.length === 0 ? (
        <p className={styles.note}>{e.noEvents}</p>
      ) : (
        <EventLanes
          label={e.events}
          from={range.from}
          to={Math.max(range.to, range.from + 1)}
          lanes={lanes}
          axisPixels={axisPixels}
          laneHeight={22}
        />
      )}
    </Panel>
  )
}
