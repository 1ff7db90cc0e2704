import type { Unit } from '@/lib/units'

/** One line of a chart, in drawing order. */
export interface ChartSeries {
  readonly key: string
  readonly label: string
  readonly color: string
  readonly values: readonly (number | null)[]
  /** Drawn below the zero line; the legend and the tooltip still show it as a positive number. */
  readonly mirrored?: boolean
  /** A line that others are compared with. */
  readonly dashed?: boolean
}

/** Bars are stacked, too; a time is the middle of its bar. */
export type ChartStyle = 'line' | 'area' | 'stacked' | 'points' | 'bars'

export interface ChartData {
  readonly times: readonly number[]
  readonly series: readonly ChartSeries[]
  readonly from: number
  readonly to: number
}

export interface ChartSpec {
  readonly style: ChartStyle
  readonly unit: Unit
  /** Fixed ends of the value axis; null leaves an end to the data. */
  readonly min?: number | null
  readonly max?: number | null
  /** A logarithmic value axis, but linear from zero to this. */
  readonly linearWithin?: number
  /** A logarithmic value axis from `min` to `max`, both above zero. */
  readonly log?: true
  /** How long a bar is, in milliseconds. */
  readonly barMs?: number
  /** How wide the value axis is, for charts that stand above each other; otherwise as wide as its numbers. */
  readonly axisPixels?: number
}

/** What someone points at: a moment, and the line nearest to the hand. */
export interface ChartPoint {
  readonly time: number
  readonly seriesKey: string | null
  /** Where on the screen. */
  readonly x: number
  readonly y: number
}
