import 'uplot/dist/uPlot.min.css'
import { useComputedColorScheme } from '@mantine/core'
import { memo, useEffect, useLayoutEffect, useMemo, useRef } from 'react'
import uPlot from 'uplot'
import type { ServerEvent } from '@/api/events'
import { absoluteRange } from '@/lib/time'
import { useTimeShift } from '@/state/timeShift'
import { useTimeState } from '@/state/timeSearch'
import { drawLanes, eventsAt, lanesTip, type Lane } from './lanes'
import { chartOptions } from './options'
import styles from './TimeChart.module.css'

interface EventLanesProps {
  readonly label: string
  readonly from: number
  readonly to: number
  readonly lanes: readonly Lane[]
  /** Pixels for the names of lanes; charts above have an axis as wide. */
  readonly axisPixels: number
  readonly laneHeight?: number
  readonly selected?: string | null
  readonly onPick?: ((event: ServerEvent) => void) | undefined
}

const axisHeight = 26
const padTop = 4

/**
 * Events over time, a lane for each of what they are told apart by. Ranges are bars, moments are marks; the ground says
 * how many there are where not all were fetched. It shares zoom and cursor with the charts of the screen.
 */
export const EventLanes = memo(function EventLanes(props: EventLanesProps) {
  const { label, from, to, lanes, axisPixels, laneHeight = 26, selected = null, onPick } = props
  const scheme = useComputedColorScheme('dark', { getInitialValueInEffect: false })
  const { zone, setRange } = useTimeState()
  const shift = useTimeShift()
  const host = useRef<HTMLDivElement>(null)
  const chart = useRef<uPlot | null>(null)
  const height = Math.max(lanes.length, 1) * laneHeight + axisHeight + padTop
  const latest = useRef({ lanes, selected, onPick, setRange, shift, from, to, zone })
  useLayoutEffect(() => {
    latest.current = { lanes, selected, onPick, setRange, shift, from, to, zone }
  })
  const names = useMemo(() => lanes.map((lane) => `${lane.label}\u0000${lane.color}`).join('\u0001'), [lanes])

  useLayoutEffect(() => {
    const node = host.current
    if (node === null) return undefined
    const count = Math.max(latest.current.lanes.length, 1)
    const picked = (u: uPlot) => eventsAt(u, latest.current.lanes)
    const base = chartOptions(
      { width: node.clientWidth, height: count * laneHeight + axisHeight + padTop },
      [],
      { style: 'line', unit: 'short', axisPixels },
      { scheme, zone },
      () => true,
      {
        onZoom: (start, end) => latest.current.setRange(absoluteRange(start, end)),
        onZoomOut: () => latest.current.shift.zoomOut(),
        onUnderlay: (u) => drawLanes(u, latest.current.lanes, scheme, latest.current.selected),
        plugins: [lanesTip(picked, () => latest.current.zone, scheme)],
      },
    )
    const options: uPlot.Options = {
      ...base,
      padding: [padTop, 18, 0, 0],
      // The only series is there because there must be one.
      series: [{}, { show: true, scale: 'y', stroke: 'transparent', points: { show: false } }],
      scales: { ...base.scales, y: { range: [0, count] } },
      axes: [
        base.axes?.[0] ?? {},
        {
          stroke: base.axes?.[1]?.stroke ?? '#888888',
          font: base.axes?.[1]?.font ?? '11px sans-serif',
          size: axisPixels,
          gap: 5,
          grid: { show: false },
          ticks: { show: false },
          splits: () => Array.from({ length: count }, (_, i) => i + 0.5),
          values: (u) => latest.current.lanes.map((lane) => fitted(u, lane.label, axisPixels - 8)).reverse(),
        },
      ],
    }
    const now = latest.current
    const plot = new uPlot(
      options,
      [
        [now.from, now.to],
        [null, null],
      ],
      node,
    )
    plot.setScale('x', { min: now.from, max: now.to })
    chart.current = plot
    return () => {
      chart.current = null
      plot.destroy()
    }
    // `names` stands for the lanes the options are made of.
  }, [names, scheme, zone, axisPixels, laneHeight])

  useEffect(() => {
    const plot = chart.current
    plot?.batch(() => {
      plot.setData(
        [
          [from, to],
          [null, null],
        ],
        false,
      )
      plot.setScale('x', { min: from, max: to })
    })
    plot?.redraw(false)
  }, [from, to, lanes, selected])

  useEffect(() => {
    const node = host.current
    if (node === null) return undefined
    const observer = new ResizeObserver(([entry]) => {
      const width = Math.floor(entry?.contentRect.width ?? 0)
      const plot = chart.current
      if (plot !== null && width > 0 && width !== plot.width) plot.setSize({ width, height: plot.height })
    })
    observer.observe(node)
    return () => observer.disconnect()
  }, [])

  const pressed = useRef(0)
  const total = lanes.reduce((sum, lane) => sum + lane.events.length, 0)
  return (
    <div
      ref={host}
      className={styles.chart}
      role="img"
      aria-label={label}
      data-events={total}
      style={{ height }}
      onMouseDown={(event) => {
        pressed.current = event.clientX
      }}
      onClick={(event) => {
        const u = chart.current
        if (u === null || Math.abs(event.clientX - pressed.current) > 4) return
        const event0 = eventsAt(u, lanes)[0]
        if (event0 !== undefined) onPick?.(event0)
      }}
    />
  )
})

/** As much of a name as there is room for. */
function fitted(u: uPlot, name: string, width: number): string {
  const room = width * devicePixelRatio
  if (u.ctx.measureText(name).width <= room) return name
  let cut = name.length
  while (cut > 1 && u.ctx.measureText(`${name.slice(0, cut)}…`).width > room) cut--
  return `${name.slice(0, cut)}…`
}
