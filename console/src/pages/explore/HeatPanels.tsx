import { Button, useComputedColorScheme } from '@mantine/core'
import { useMemo, useState } from 'react'
import type uPlot from 'uplot'
import type { RangeSeries } from '@/api/types'
import type { ChartData, ChartSpec } from '@/components/chart/model'
import { TimeChart } from '@/components/chart/TimeChart'
import { useIsolation } from '@/components/chart/useIsolation'
import { useMessages } from '@/i18n'
import { labelsKey } from '@/lib/frame'
import { heatMap, quantile, type HeatMap } from '@/lib/heat'
import { seriesName } from '@/lib/matcher'
import { seriesColor, withAlpha, type Scheme } from '@/lib/palette'
import { unitOfObservations, type Unit } from '@/lib/units'
import { rowName } from './exploreSearch'
import { LegendTable, type LegendRow } from './LegendTable'
import styles from './ResultGraphs.module.css'
import type { ShownRow } from './Results'

/** More heat maps than this say less than a query that joins them. */
const panelsMax = 6

const shares = [0.5, 0.9, 0.99] as const

interface HeatPanelsProps {
  readonly row: ShownRow
  readonly several: boolean
  readonly unit: Unit | null
}

/** Native histograms over time: one heat map per series, with the course of its quantiles. */
export function HeatPanels({ row, several, unit }: HeatPanelsProps) {
  const t = useMessages('explore')
  const x = t.explore
  const [all, setAll] = useState(false)
  const { result } = row.answer.data
  const series = result.type === 'matrix' ? result.series.filter((s) => s.histograms.length > 0) : []
  const shown = all ? series : series.slice(0, panelsMax)
  return (
    <>
      {shown.map((one) => (
        <HeatPanel
          key={labelsKey(one.metric)}
          series={one}
          row={row}
          prefix={several ? `${rowName(row.index)} ` : ''}
          unit={unit ?? unitOfObservations(row.answer.expr)}
        />
      ))}
      {series.length > shown.length && (
        <p className={styles.note}>
          {t.query.manySeries(shown.length, series.length)}
          <Button variant="subtle" onClick={() => setAll(true)}>
            {x.drawAll}
          </Button>
        </p>
      )}
    </>
  )
}

/** Cells in the colour of the brand, stronger where there is more; the root lets the thin ones be seen. */
function painter(map: HeatMap, stepMs: number, scheme: Scheme): (u: uPlot) => void {
  return (u) => {
    const { ctx } = u
    ctx.save()
    ctx.beginPath()
    ctx.rect(u.bbox.left, u.bbox.top, u.bbox.width, u.bbox.height)
    ctx.clip()
    for (const { time, low, high, heat } of map.cells) {
      const left = u.valToPos(time - stepMs / 2, 'x', true)
      const right = u.valToPos(time + stepMs / 2, 'x', true)
      const top = u.valToPos(high, 'y', true)
      const bottom = u.valToPos(low, 'y', true)
      ctx.fillStyle = withAlpha(seriesColor(0, scheme), 0.06 + 0.84 * Math.sqrt(heat))
      // Rounded to pixels, so that neighbours neither overlap nor leave a seam.
      const from = Math.round(left)
      const above = Math.round(top)
      ctx.fillRect(
        from,
        above,
        Math.max(Math.round(right) - from, 1),
        Math.max(Math.round(bottom) - above, 1),
      )
    }
    ctx.restore()
  }
}

interface HeatPanelProps {
  readonly series: RangeSeries
  readonly row: ShownRow
  readonly prefix: string
  readonly unit: Unit
}

function HeatPanel({ series, row, prefix, unit }: HeatPanelProps) {
  const x = useMessages('explore').explore
  const scheme = useComputedColorScheme('dark', { getInitialValueInEffect: false })
  const { from, to, stepMs, expr } = row.answer
  const name = prefix + (Object.keys(series.metric).length === 0 ? expr : seriesName(series.metric))
  const map = useMemo(() => heatMap(series.histograms), [series])
  const lines = useMemo(
    (): LegendRow[] =>
      shares.map((share, index) => ({
        key: `p${share * 100}`,
        row: '',
        name: `p${share * 100}`,
        color: seriesColor(index + 1, scheme),
        labels: {},
        values: series.histograms.map(({ histogram }) => quantile(histogram, share)),
      })),
    [series, scheme],
  )
  const data = useMemo(
    (): ChartData => ({
      times: series.histograms.map((p) => p.time),
      series: lines.map((line) => ({ ...line, label: line.name })),
      from,
      to,
    }),
    [series, lines, from, to],
  )
  const keys = useMemo(() => lines.map((line) => line.key), [lines])
  const [hidden, toggle] = useIsolation(keys)
  const spec = useMemo((): ChartSpec | null => {
    if (map === null) return null
    return { style: 'line', unit, min: map.low, max: map.high, linearWithin: map.linearWithin }
  }, [map, unit])
  const underlay = useMemo(
    () => (map === null ? undefined : painter(map, stepMs, scheme)),
    [map, stepMs, scheme],
  )
  if (spec === null) return <p className={styles.note}>{x.emptyHistogram(name)}</p>
  return (
    <section className={styles.panel} aria-label={x.heatMap(name)}>
      <p className={styles.note}>{x.heatMap(name)}</p>
      <TimeChart
        label={x.heatMap(name)}
        data={data}
        spec={spec}
        height={300}
        hidden={hidden}
        underlay={underlay}
      />
      <LegendTable rows={lines} unit={unit} hidden={hidden} onToggle={toggle} />
    </section>
  )
}
