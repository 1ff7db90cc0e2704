import { Skeleton, useComputedColorScheme } from '@mantine/core'
import { useMemo } from 'react'
import type uPlot from 'uplot'
import type { Labels } from '@/api/types'
import { chartData } from '@/components/chart/FramePanel'
import { Legend } from '@/components/chart/Legend'
import type { ChartData, ChartSpec } from '@/components/chart/model'
import { TimeChart } from '@/components/chart/TimeChart'
import { useIsolation } from '@/components/chart/useIsolation'
import { useMessages } from '@/i18n'
import { alertSeries, narrowed } from '@/lib/alertQuery'
import { stateSpans, type StateSpan } from '@/lib/alertSpans'
import { epochMs, ms } from '@/lib/brand'
import { distinguishing, selector } from '@/lib/matcher'
import { chooseStep } from '@/lib/step'
import { thresholdOf } from '@/lib/threshold'
import { resolveRange } from '@/lib/time'
import { unitOfQuery } from '@/lib/units'
import { useLiveFrame } from '@/state/live'
import { useTimeState } from '@/state/timeSearch'
import styles from './WhyChart.module.css'

interface WhyChartProps {
  readonly expr: string
  /** Labels of the series it is about; null for all of the expression. */
  readonly labels: Labels | null
  /** Labels of the alert, whose states are drawn behind the lines; null for none. */
  readonly alert: Labels | null
}

const height = 180
const points = 240
/** More lines than this tell nobody anything. */
const seriesMax = 20
const limitsMax = 4

/** What an alert's expression measures over time, against its threshold, with the states of the alert behind. */
export function WhyChart({ expr, labels, alert }: WhyChartProps) {
  const t = useMessages('alerts')
  const a = t.alerts
  const scheme = useComputedColorScheme('dark', { getInitialValueInEffect: false })
  const { range, zone } = useTimeState()
  const threshold = useMemo(() => thresholdOf(expr), [expr])
  const measured = threshold?.value ?? expr
  const spanMs = useMemo(() => {
    const { from, to } = resolveRange(range, epochMs(Date.now()), zone)
    return ms(to - from)
  }, [range, zone])
  const step = chooseStep(spanMs, points)
  const cut = (text: string) => (labels === null ? text : narrowed(text, labels))
  const values = useLiveFrame(cut(measured), step)
  const limits = useLiveFrame(threshold?.number === null ? cut(threshold.limit) : null, step)
  const states = useLiveFrame(alert === null ? null : alertSeries(alert), step)
  const unit = unitOfQuery(measured)

  const data = useMemo((): ChartData | null => {
    const live = values.data
    if (live === undefined) return null
    const shown = { ...live, frame: { ...live.frame, series: live.frame.series.slice(0, seriesMax) } }
    const telling = distinguishing(shown.frame.series.map((s) => s.labels))
    const alone = shown.frame.series.length === 1
    const lines = chartData(
      shown,
      (series) => {
        const own = Object.entries(series.labels).filter(([name]) => telling.has(name))
        return { label: alone ? a.detail.value : selector('', Object.fromEntries(own)) }
      },
      scheme,
    )
    if (lines.series.length === 0) return lines
    const bad = scheme === 'dark' ? '#ff7b72' : '#c92a3b'
    const fixed = threshold?.number ?? null
    if (fixed !== null) {
      const line = {
        key: 'threshold',
        label: `${a.detail.threshold} ${threshold?.op ?? ''}`,
        color: bad,
        dashed: true,
        values: lines.times.map(() => fixed),
      }
      return { ...lines, series: [...lines.series, line] }
    }
    const row = new Map(limits.data?.frame.times.map((time, index) => [time, index]))
    // Series with the same threshold share its line.
    const distinct = new Map((limits.data?.frame.series ?? []).map((s) => [s.values.join(), s]))
    const moving = [...distinct.values()].slice(0, limitsMax).map((series, index) => ({
      key: `threshold ${index}`,
      label: `${a.detail.threshold} ${threshold?.op ?? ''}`,
      color: bad,
      dashed: true,
      values: lines.times.map((time) => series.values[row.get(time) ?? -1] ?? null),
    }))
    return { ...lines, series: [...lines.series, ...moving] }
  }, [values.data, limits.data, threshold, scheme, a])

  // Nothing but zeros has no scale of its own.
  const flat = data?.series.every((s) => s.values.every((value) => (value ?? 0) === 0)) === true
  const spec = useMemo((): ChartSpec => ({ style: 'line', unit, max: flat ? 1 : null }), [unit, flat])
  const spans = useMemo(
    () => (states.data === undefined ? [] : stateSpans(states.data.frame, states.data.stepMs)),
    [states.data],
  )
  const underlay = useMemo(() => (u: uPlot) => paintStates(u, spans), [spans])
  const keyText = data?.series.map((s) => s.key).join('\n') ?? ''
  const keys = useMemo(() => keyText.split('\n'), [keyText])
  const [hidden, toggle] = useIsolation(keys)

  if (data === null) {
    return values.error === null ? (
      <Skeleton height={height} radius="sm" />
    ) : (
      <p className={styles.note}>{values.error.message}</p>
    )
  }
  if (data.series.length === 0) return <p className={styles.note}>{a.detail.noHistory}</p>
  return (
    <div className={styles.chart}>
      <TimeChart
        // The states behind the lines are painted anew when they change.
        key={spans.length}
        label={a.detail.why}
        data={data}
        spec={spec}
        height={height}
        hidden={hidden}
        underlay={underlay}
      />
      <div className={styles.legend}>
        <Legend series={data.series} unit={unit} hidden={hidden} onToggle={toggle} />
        {spans.length > 0 && (
          <ul>
            {(['pending', 'firing'] as const)
              .filter((state) => spans.some((span) => span.state === state))
              .map((state) => (
                <li key={state} data-state={state}>
                  {a.detail[state]}
                </li>
              ))}
          </ul>
        )}
      </div>
    </div>
  )
}

/** The times of each state as grounds of their own, with a mark where one begins. */
function paintStates(u: uPlot, spans: readonly StateSpan[]): void {
  const style = getComputedStyle(u.root)
  const { left, top, width, height: tall } = u.bbox
  u.ctx.save()
  u.ctx.beginPath()
  u.ctx.rect(left, top, width, tall)
  u.ctx.clip()
  for (const { state, from, until } of spans) {
    const x = u.valToPos(from, 'x', true)
    const end = u.valToPos(until, 'x', true)
    if (end < left || x > left + width) continue
    u.ctx.fillStyle = style.getPropertyValue(state === 'firing' ? '--wf-state-firing' : '--wf-state-pending')
    u.ctx.globalAlpha = 0.14
    u.ctx.fillRect(x, top, Math.max(end - x, 1), tall)
    u.ctx.globalAlpha = 0.8
    u.ctx.fillRect(x, top, Math.max(devicePixelRatio, 1), tall)
  }
  u.ctx.restore()
}
