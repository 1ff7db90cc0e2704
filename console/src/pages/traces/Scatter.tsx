import 'uplot/dist/uPlot.min.css'
import { useComputedColorScheme } from '@mantine/core'
import { memo, useEffect, useLayoutEffect, useRef } from 'react'
import uPlot from 'uplot'
import type { ChartSeries, ChartSpec } from '@/components/chart/model'
import { chartOptions } from '@/components/chart/options'
import chart from '@/components/chart/TimeChart.module.css'
import { levelColor } from '@/lib/levels'
import { seriesColor } from '@/lib/palette'
import { absoluteRange } from '@/lib/time'
import { shortestMs } from '@/lib/trace/buckets'
import { useTimeShift } from '@/state/timeShift'
import { useTimeState } from '@/state/timeSearch'
import { nearestPlugin } from './nearestPoint'

/** A trace or a span as a point of time and duration. */
export interface Point {
  readonly key: string
  readonly traceId: string
  readonly spanId: string | null
  readonly at: number
  readonly ms: number
  readonly failed: boolean
  readonly title: string
}

interface ScatterProps {
  readonly label: string
  readonly points: readonly Point[]
  readonly from: number
  readonly to: number
  /** Ends of the axis of durations, in milliseconds. */
  readonly scale: readonly [number, number]
  readonly height: number
  readonly names: { readonly good: string; readonly failed: string }
  readonly onOpen: (point: Point, aside: boolean) => void
}

/** Points by their time, as columns: those that went well and those that failed share the times. */
function columnsOf(points: readonly Point[]): uPlot.AlignedData {
  const seconds = ({ ms }: Point) => Math.max(ms, shortestMs) / 1000
  return [
    points.map(({ at }) => at),
    points.map((point) => (point.failed ? null : seconds(point))),
    points.map((point) => (point.failed ? seconds(point) : null)),
  ]
}

/** Time against duration. The nearest point is named; a click opens it; dragging zooms in. */
export const Scatter = memo(function Scatter(props: ScatterProps) {
  const { label, points, from, to, scale, height, names, onOpen } = props
  const scheme = useComputedColorScheme('dark', { getInitialValueInEffect: false })
  const { zone, setRange } = useTimeState()
  const shift = useTimeShift()
  const host = useRef<HTMLDivElement>(null)
  const plot = useRef<uPlot | null>(null)
  const latest = useRef({ points, from, to, zone, setRange, shift, onOpen })
  useLayoutEffect(() => {
    latest.current = { points, from, to, zone, setRange, shift, onOpen }
  })
  const [low, high] = scale

  useLayoutEffect(() => {
    const node = host.current
    if (node === null) return undefined
    const spec: ChartSpec = { style: 'points', unit: 'seconds', log: true, min: low / 1000, max: high / 1000 }
    const series: ChartSeries[] = [
      { key: 'good', label: names.good, color: seriesColor(1, scheme), values: [] },
      { key: 'failed', label: names.failed, color: levelColor('error', scheme), values: [] },
    ]
    const events = {
      onZoom: (start: number, end: number) => latest.current.setRange(absoluteRange(start, end)),
      onZoomOut: () => latest.current.shift.zoomOut(),
      onUnderlay: () => undefined,
      plugins: [
        nearestPlugin({
          points: () => latest.current.points,
          zone: () => latest.current.zone,
          open: (point, aside) => latest.current.onOpen(point, aside),
        }),
      ],
    }
    const size = { width: node.clientWidth, height }
    const options = chartOptions(size, series, spec, { scheme, zone }, () => true, events)
    const made = new uPlot(
      { ...options, cursor: { ...options.cursor, points: { show: false } } },
      columnsOf(latest.current.points),
      node,
    )
    made.setScale('x', { min: latest.current.from, max: latest.current.to })
    plot.current = made
    return () => {
      plot.current = null
      made.destroy()
    }
  }, [scheme, zone, low, high, height, names.good, names.failed])

  useEffect(() => {
    const made = plot.current
    if (made === null) return
    made.batch(() => {
      made.setData(columnsOf(points), false)
      made.setScale('x', { min: from, max: Math.max(to, from + 1) })
    })
  }, [points, from, to])

  useEffect(() => {
    const node = host.current
    if (node === null) return undefined
    const observer = new ResizeObserver(([entry]) => {
      const width = Math.floor(entry?.contentRect.width ?? 0)
      const made = plot.current
      if (made !== null && width > 0 && width !== made.width) made.setSize({ width, height })
    })
    observer.observe(node)
    return () => observer.disconnect()
  }, [height])

  return <div ref={host} className={chart.chart} role="img" aria-label={label} style={{ height }} />
})
