import { Skeleton, useComputedColorScheme } from '@mantine/core'
import { useMemo } from 'react'
import { useMessages } from '@/i18n'
import type { FrameSeries } from '@/lib/frame'
import { withGaps } from '@/lib/gaps'
import { seriesColor, type Scheme } from '@/lib/palette'
import type { LiveFrame } from '@/state/live'
import styles from './FramePanel.module.css'
import { Legend } from './Legend'
import type { ChartData, ChartSpec } from './model'
import { Panel } from './Panel'
import { TimeChart } from './TimeChart'
import { useIsolation } from './useIsolation'

/** How a series of a query is shown; null leaves it out. */
export interface SeriesLook {
  readonly label: string
  readonly color?: string
  readonly mirrored?: boolean
  /** Smaller is drawn first: at the bottom of a stack, at the left of a legend. */
  readonly order?: number
}

interface FramePanelProps {
  readonly title: string
  readonly help?: string
  readonly expr: string | null
  readonly live: { readonly data: LiveFrame | undefined; readonly error: Error | null }
  readonly spec: ChartSpec
  readonly look: (series: FrameSeries, scheme: Scheme) => SeriesLook | null
  readonly height?: number
}

export function chartData(
  live: LiveFrame,
  look: (series: FrameSeries) => SeriesLook | null,
  scheme: Scheme,
): ChartData {
  const frame = withGaps(live.frame, live.stepMs)
  const entries = frame.series.flatMap((series) => {
    const seen = look(series)
    return seen === null ? [] : [{ series, seen }]
  })
  entries.sort((a, b) => (a.seen.order ?? 0) - (b.seen.order ?? 0))
  return {
    times: frame.times,
    from: live.from,
    to: live.to,
    series: entries.map(({ series, seen }, index) => ({
      key: series.key,
      label: seen.label,
      color: seen.color ?? seriesColor(index, scheme),
      values: series.values,
      ...(seen.mirrored === true ? { mirrored: true } : {}),
    })),
  }
}

/** A titled chart of one live query, with what stands in its place while there is nothing to draw. */
export function FramePanel({ title, help, expr, live, spec, look, height = 158 }: FramePanelProps) {
  const t = useMessages()
  const scheme = useComputedColorScheme('dark', { getInitialValueInEffect: false })
  // What is counted up to a time is drawn as a bar that ends there.
  const backMs = spec.style === 'bars' ? (spec.barMs ?? 0) / 2 : 0
  const data = useMemo(() => {
    if (live.data === undefined) return null
    const drawn = chartData(live.data, (series) => look(series, scheme), scheme)
    return backMs === 0 ? drawn : { ...drawn, times: drawn.times.map((time) => time - backMs) }
  }, [live.data, look, scheme, backMs])
  const keyText = data?.series.map((s) => s.key).join('\n') ?? ''
  const keys = useMemo(() => keyText.split('\n'), [keyText])
  const [hidden, toggle] = useIsolation(keys)
  return (
    <Panel
      title={title}
      {...(help === undefined ? {} : { help })}
      {...(expr === null ? {} : { exprs: [expr] })}
    >
      {data === null && live.error === null && <Skeleton height={height + 24} radius="sm" />}
      {data === null && live.error !== null && (
        <p className={styles.note} style={{ height }}>
          {live.error.message}
        </p>
      )}
      {data !== null && data.series.length === 0 && (
        <p className={styles.note} style={{ height }}>
          {t.common.noData}
        </p>
      )}
      {data !== null && data.series.length > 0 && (
        <>
          <TimeChart label={title} data={data} spec={spec} height={height} hidden={hidden} />
          <Legend series={data.series} unit={spec.unit} hidden={hidden} onToggle={toggle} />
        </>
      )}
    </Panel>
  )
}
