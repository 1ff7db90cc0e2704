import uPlot from 'uplot'
import { tickTexts } from '@/lib/clockText'
import { chartColors, withAlpha, type Scheme } from '@/lib/palette'
import { ianaZone, type ZoneId } from '@/lib/time'
import { formatValue } from '@/lib/units'
import type { ChartSeries, ChartSpec } from './model'

/** Steps of a byte axis: powers of two, so that ticks read 256 MiB and not 238.4 MiB. */
const byteIncrements = Array.from({ length: 60 }, (_, power) => 2 ** power)
const secondsPerTick = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200]
const dayMs = 86_400_000
const timeIncrements = [
  ...secondsPerTick.map((s) => s * 1000),
  ...[1, 2, 3, 5, 7, 14, 30, 60, 90, 180, 365].map((days) => days * dayMs),
]

const font = '11px "Inter Variable", system-ui, sans-serif'

function timeAxis(scheme: Scheme, zone: ZoneId): uPlot.Axis {
  const colors = chartColors[scheme]
  return {
    stroke: colors.axis,
    font,
    size: 26,
    gap: 4,
    space: 76,
    incrs: timeIncrements,
    grid: { show: false },
    ticks: { stroke: colors.grid, size: 4, width: 1 },
    values: (_, splits, __, ___, increment) => tickTexts(splits, increment, zone),
  }
}

/** The powers of ten on a logarithmic axis; uPlot would draw a line for each of their multiples. */
const powers: uPlot.Axis.Splits = (u, axis) => {
  const { min = 1, max = 10 } = u.scales[u.axes[axis]?.scale ?? 'y'] ?? {}
  const first = Math.ceil(Math.log10(min) - 1e-9)
  const last = Math.floor(Math.log10(max) + 1e-9)
  return Array.from({ length: Math.max(last - first + 1, 0) }, (_, i) => 10 ** (first + i))
}

type ValueLook = Pick<ChartSpec, 'unit' | 'log' | 'axisPixels'>

function valueAxis(scheme: Scheme, { unit, log, axisPixels }: ValueLook): uPlot.Axis {
  const colors = chartColors[scheme]
  const binary = unit === 'bytes' || unit === 'bytes/s'
  return {
    stroke: colors.axis,
    font,
    size: (u, values, axisIndex, cycle) => {
      const axis = u.axes[axisIndex] as uPlot.Axis & { _size?: number }
      // uPlot measures twice; the second time it must hear the first answer, or the chart never settles.
      if (cycle > 1 && axis._size !== undefined) return axis._size
      if (axisPixels !== undefined) return axisPixels
      const widest = (values as string[] | null)?.reduce((a, b) => (b.length > a.length ? b : a), '') ?? ''
      u.ctx.font = font
      return Math.ceil(u.ctx.measureText(widest).width / devicePixelRatio) + 14
    },
    gap: 5,
    space: 28,
    ...(binary ? { incrs: byteIncrements } : {}),
    ...(log === true ? { splits: powers } : {}),
    grid: { stroke: colors.grid, width: 1 },
    ticks: { show: false },
    values: (_, splits) =>
      splits.map((value) => formatValue(Math.abs(value) < 1e-12 ? 0 : Math.abs(value) * 1, unit)),
  }
}

/** Shows a point only where it stands alone, as a line through one sample would be invisible. */
function lonePoints(u: uPlot, seriesIndex: number): number[] | null {
  const values = u.data[seriesIndex]
  if (values === undefined) return null
  const alone: number[] = []
  for (let i = 0; i < values.length; i++) {
    if (values[i] != null && values[i - 1] == null && values[i + 1] == null) alone.push(i)
  }
  return alone
}

/** As wide as their step, but for a hairline between them. */
const barPaths = uPlot.paths.bars?.({ size: [1, Infinity, 1], gap: 1 })

export function seriesOptions(
  series: readonly ChartSeries[],
  spec: ChartSpec,
  shown: (key: string) => boolean,
): uPlot.Series[] {
  const bars = spec.style === 'bars'
  const stacked = spec.style === 'stacked' || bars
  return [
    {},
    ...series.map((s): uPlot.Series => ({
      label: s.label,
      show: shown(s.key),
      stroke: s.color,
      width: spec.style === 'points' ? 0 : stacked ? 0 : 1.5,
      ...(s.dashed === true ? { dash: [6, 4] } : {}),
      ...(stacked ? { fill: withAlpha(s.color, bars ? 0.9 : 0.72) } : {}),
      ...(bars && barPaths !== undefined ? { paths: barPaths } : {}),
      ...(spec.style === 'area' ? { fill: withAlpha(s.color, 0.14) } : {}),
      points: bars
        ? { show: false }
        : spec.style === 'points'
          ? { show: true, size: 4, fill: s.color, width: 0 }
          : { show: true, size: 3, fill: s.color, width: 0, filter: lonePoints },
    })),
  ]
}

/** Fill each stacked line only down to the one below it. */
function stackBands(series: readonly ChartSeries[]): uPlot.Band[] {
  return series.slice(1).map((_, index) => ({ series: [index + 2, index + 1] }))
}

export interface ChartEvents {
  readonly onZoom: (from: number, to: number) => void
  readonly onZoomOut: () => void
  /** Paints below the lines. */
  readonly onUnderlay: (u: uPlot) => void
  readonly plugins: uPlot.Plugin[]
}

export function chartOptions(
  size: { width: number; height: number },
  series: readonly ChartSeries[],
  spec: ChartSpec,
  look: { scheme: Scheme; zone: ZoneId },
  shown: (key: string) => boolean,
  events: ChartEvents,
): uPlot.Options {
  const zone = ianaZone(look.zone)
  return {
    ...size,
    ms: 1,
    tzDate: (at) => uPlot.tzDate(new Date(at), zone),
    padding: [8, 18, 0, 0],
    legend: { show: false },
    cursor: {
      y: false,
      points: { size: 6, width: 0 },
      drag: { x: true, y: false, setScale: false, dist: 4 },
      // Charts share the cursor, not the brush: only the chart under the hand reports a zoom.
      sync: {
        key: 'watchfire',
        setSeries: false,
        filters: { pub: (type) => type === 'mousemove' || type === 'mouseleave', sub: () => true },
      },
      bind: {
        dblclick: () => () => {
          events.onZoomOut()
          return null
        },
      },
    },
    scales: {
      x: { time: true, auto: false, range: (_, min, max) => [min, max] },
      y: {
        range: valueRange(spec),
        // eslint-disable-next-line @typescript-eslint/no-unsafe-enum-assignment -- the enum has types but no values
        ...(spec.linearWithin === undefined ? {} : { distr: 4, asinh: spec.linearWithin }),
        // eslint-disable-next-line @typescript-eslint/no-unsafe-enum-assignment -- as above
        ...(spec.log === true ? { distr: 3, log: 10 } : {}),
      },
    },
    axes: [timeAxis(look.scheme, look.zone), valueAxis(look.scheme, spec)],
    series: seriesOptions(series, spec, shown),
    ...(spec.style === 'stacked' || spec.style === 'bars' ? { bands: stackBands(series) } : {}),
    hooks: {
      drawAxes: [events.onUnderlay],
      setSelect: [
        (u) => {
          if (u.select.width < 4) return
          const from = u.posToVal(u.select.left, 'x')
          const to = u.posToVal(u.select.left + u.select.width, 'x')
          u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false)
          events.onZoom(from, to)
        },
      ],
    },
    plugins: events.plugins,
  }
}

function valueRange(spec: ChartSpec): uPlot.Scale.Range {
  const padded: uPlot.Range.Config = {
    min: { pad: 0.08, soft: 0, mode: 1 },
    max: { pad: 0.08, soft: 0, mode: 1 },
  }
  if (spec.log === true) return () => [spec.min ?? 1e-6, spec.max ?? 1]
  return (_, dataMin, dataMax) => {
    const empty = !Number.isFinite(dataMin) || !Number.isFinite(dataMax)
    const [low, high] = empty ? [0, 1] : uPlot.rangeNum(dataMin, dataMax, padded)
    const min = spec.min ?? low ?? 0
    const max = spec.max == null ? (high ?? 1) : Math.max(spec.max, empty ? 0 : dataMax)
    return max > min ? [min, max] : [min, min + 1]
  }
}
