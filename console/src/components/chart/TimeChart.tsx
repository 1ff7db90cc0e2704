import 'uplot/dist/uPlot.min.css'
import { useComputedColorScheme } from '@mantine/core'
import { memo, useEffect, useLayoutEffect, useMemo, useRef } from 'react'
import uPlot from 'uplot'
import { stack } from '@/lib/frame'
import { absoluteRange } from '@/lib/time'
import { useMarkedEvents } from '@/state/chartEvents'
import { useTimeShift } from '@/state/timeShift'
import { useTimeState } from '@/state/timeSearch'
import { drawMarks } from './marks'
import type { ChartData, ChartPoint, ChartSeries, ChartSpec } from './model'
import { chartOptions } from './options'
import styles from './TimeChart.module.css'
import { tooltipPlugin } from './tooltip'
import { usePoint } from './usePoint'

interface TimeChartProps {
  readonly label: string
  readonly data: ChartData
  readonly spec: ChartSpec
  readonly height: number
  readonly hidden?: ReadonlySet<string>
  /** Paints below the lines, every time the chart is drawn. */
  readonly underlay?: ((u: uPlot) => void) | undefined
  /** Called with a point that was clicked on, or chosen with the arrow keys and Enter. */
  readonly onPoint?: ((point: ChartPoint) => void) | undefined
}

const noneHidden: ReadonlySet<string> = new Set()

function columns(data: ChartData, spec: ChartSpec, shown: (key: string) => boolean): uPlot.AlignedData {
  const rows = data.series.map((s) =>
    s.mirrored === true ? s.values.map((v) => (v === null ? null : -v)) : s.values,
  )
  if (spec.style !== 'stacked' && spec.style !== 'bars') return [data.times, ...rows] as uPlot.AlignedData
  const visible = data.series.map((s) => shown(s.key))
  const stacked = stack(rows.filter((_, index) => visible[index]))
  let next = 0
  return [
    data.times,
    ...rows.map((row, index) => (visible[index] ? (stacked[next++] ?? row) : row)),
  ] as uPlot.AlignedData
}

/**
 * A uPlot canvas kept alive across refreshes: new data is handed over in one batch, and the chart is rebuilt only when
 * its set of lines or its look changes.
 */
export const TimeChart = memo(function TimeChart({
  label,
  data,
  spec,
  height,
  hidden = noneHidden,
  underlay,
  onPoint,
}: TimeChartProps) {
  const scheme = useComputedColorScheme('dark', { getInitialValueInEffect: false })
  const { zone, setRange } = useTimeState()
  const shift = useTimeShift()
  const host = useRef<HTMLDivElement>(null)
  const chart = useRef<uPlot | null>(null)

  const marks = useMarkedEvents()

  const shown = (key: string) => !hidden.has(key)
  const latest = useRef({ data, spec, zone, shown, setRange, shift, height, underlay, marks, scheme })
  useLayoutEffect(() => {
    latest.current = { data, spec, zone, shown, setRange, shift, height, underlay, marks, scheme }
  })

  const lines = data.series
    .map((s: ChartSeries) => `${s.key}|${s.label}|${s.color}|${String(shown(s.key))}`)
    .join('\n')
  const look = useMemo(
    () => `${spec.style}|${spec.unit}|${spec.min}|${spec.max}|${spec.linearWithin}|${scheme}|${zone}`,
    [spec, scheme, zone],
  )

  useLayoutEffect(() => {
    const node = host.current
    if (node === null) return undefined
    const now = latest.current
    const events = {
      onZoom: (from: number, to: number) => latest.current.setRange(absoluteRange(from, to)),
      onZoomOut: () => latest.current.shift.zoomOut(),
      onUnderlay: (u: uPlot) => {
        latest.current.underlay?.(u)
        drawMarks(u, latest.current.marks, latest.current.scheme)
      },
      plugins: [
        tooltipPlugin({
          series: () => latest.current.data.series,
          shown: (key) => latest.current.shown(key),
          unit: () => latest.current.spec.unit,
          zone: () => latest.current.zone,
          barMs: () => latest.current.spec.barMs,
          marks: () => latest.current.marks,
          scheme: () => latest.current.scheme,
        }),
      ],
    }
    const size = { width: node.clientWidth, height: now.height }
    const options = chartOptions(size, now.data.series, now.spec, { scheme, zone }, now.shown, events)
    const plot = new uPlot(options, columns(now.data, now.spec, now.shown), node)
    plot.setScale('x', { min: now.data.from, max: now.data.to })
    chart.current = plot
    return () => {
      chart.current = null
      plot.destroy()
    }
    // `lines` and `look` stand for everything the options are made of.
  }, [lines, look, scheme, zone])

  useEffect(() => {
    const plot = chart.current
    if (plot === null) return
    plot.batch(() => {
      plot.setData(columns(data, latest.current.spec, latest.current.shown), false)
      plot.setScale('x', { min: data.from, max: data.to })
    })
  }, [data])

  useEffect(() => chart.current?.redraw(false), [marks])

  useEffect(() => {
    const node = host.current
    if (node === null) return undefined
    const observer = new ResizeObserver(([entry]) => {
      const width = Math.floor(entry?.contentRect.width ?? 0)
      const plot = chart.current
      if (plot !== null && width > 0 && width !== plot.width)
        plot.setSize({ width, height: latest.current.height })
    })
    observer.observe(node)
    return () => observer.disconnect()
  }, [])

  useEffect(() => {
    const plot = chart.current
    if (plot !== null && plot.height !== height) plot.setSize({ width: plot.width, height })
  }, [height])

  const pointing = usePoint(chart, onPoint, { series: () => data.series, shown })
  return (
    <div
      ref={host}
      className={styles.chart}
      role="img"
      aria-label={label}
      style={{ height }}
      data-marks={marks.length}
      {...pointing}
    />
  )
})
