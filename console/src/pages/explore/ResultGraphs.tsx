import { Button, Skeleton, useComputedColorScheme } from '@mantine/core'
import { useCallback, useMemo, useState } from 'react'
import { TimeChart } from '@/components/chart/TimeChart'
import { useIsolation } from '@/components/chart/useIsolation'
import type { ChartData, ChartPoint, ChartSeries, ChartSpec } from '@/components/chart/model'
import { RelatedAt } from '@/components/related/RelatedMenu'
import { useMessages } from '@/i18n'
import { frameOf, labelsKey } from '@/lib/frame'
import { withGaps } from '@/lib/gaps'
import { distinguishing, seriesName } from '@/lib/matcher'
import { seriesColor, type Scheme } from '@/lib/palette'
import { unitOfQuery, type Unit } from '@/lib/units'
import type { Labels, RangeSeries } from '@/api/types'
import { rowName, type ExploreState } from './exploreSearch'
import { HeatPanels } from './HeatPanels'
import { LegendTable, type LegendRow } from './LegendTable'
import styles from './ResultGraphs.module.css'
import type { ShownRow } from './Results'

/** More lines than this hide each other; the rest is one click away. */
const seriesShownMax = 120

interface GraphLine extends LegendRow {
  readonly series: RangeSeries
  readonly shortName: string
}

interface Graph {
  readonly unit: Unit
  readonly lines: readonly GraphLine[]
  readonly total: number
  readonly from: number
  readonly to: number
  readonly stepMs: number
}

function matrixOf(row: ShownRow): readonly RangeSeries[] {
  const { result } = row.answer.data
  return result.type === 'matrix' ? result.series : []
}

/** One graph per unit, so that bytes and seconds never share an axis; each graph joins the rows of its unit. */
function graphsOf(rows: readonly ShownRow[], chosen: Unit | null, all: boolean, scheme: Scheme): Graph[] {
  const groups = new Map<Unit, ShownRow[]>()
  for (const row of rows) {
    const unit = chosen ?? unitOfQuery(row.answer.expr)
    groups.set(unit, [...(groups.get(unit) ?? []), row])
  }
  const several = rows.length > 1
  return [...groups].map(([unit, members]) => {
    const everything = members.flatMap((row) =>
      matrixOf(row)
        .filter((series) => series.times.length > 0)
        .map((series) => ({ row, series })),
    )
    const kept = all ? everything : everything.slice(0, seriesShownMax)
    const telling = distinguishing(kept.map(({ series }) => series.metric))
    const lines = kept.map(({ row, series }, index): GraphLine => {
      const full = Object.keys(series.metric).length === 0 ? row.answer.expr : seriesName(series.metric)
      const short = Object.entries(series.metric).flatMap(([name, value]) =>
        telling.has(name) ? [value] : [],
      )
      const prefix = several ? `${rowName(row.index)} ` : ''
      return {
        key: `${row.index}\u0000${labelsKey(series.metric)}`,
        row: several ? rowName(row.index) : '',
        name: full,
        shortName: prefix + (short.length === 0 ? full : short.join(' ')),
        color: seriesColor(index, scheme),
        values: series.values,
        labels: series.metric,
        series,
      }
    })
    return {
      unit,
      lines,
      total: everything.length,
      from: Math.min(...members.map((row) => row.answer.from)),
      to: Math.max(...members.map((row) => row.answer.to)),
      stepMs: Math.max(...members.map((row) => row.answer.stepMs)),
    }
  })
}

interface ResultGraphsProps {
  readonly rows: readonly ShownRow[]
  readonly state: ExploreState
  readonly loading: boolean
}

export function ResultGraphs({ rows, state, loading }: ResultGraphsProps) {
  const [all, setAll] = useState(false)
  const scheme = useComputedColorScheme('dark', { getInitialValueInEffect: false })
  const graphs = useMemo(() => graphsOf(rows, state.unit, all, scheme), [rows, state.unit, all, scheme])
  if (rows.length === 0) return loading ? <Skeleton height={420} radius="md" /> : null
  return (
    <>
      {graphs
        .filter((graph) => graph.lines.length > 0)
        .map((graph) => (
          <GraphPanel key={graph.unit} graph={graph} style={state.style} onAll={() => setAll(true)} />
        ))}
      {rows.map((row) => (
        <HeatPanels key={row.index} row={row} several={rows.length > 1} unit={state.unit} />
      ))}
    </>
  )
}

interface GraphPanelProps {
  readonly graph: Graph
  readonly style: ExploreState['style']
  readonly onAll: () => void
}

function GraphPanel({ graph, style, onAll }: GraphPanelProps) {
  const t = useMessages('explore')
  const x = t.explore
  const keyText = graph.lines.map((line) => line.key).join('\n')
  const keys = useMemo(() => keyText.split('\n'), [keyText])
  const [hidden, toggle] = useIsolation(keys)
  const spec = useMemo(
    (): ChartSpec => ({ style, unit: graph.unit, ...(style === 'stacked' ? { min: 0 } : {}) }),
    [style, graph.unit],
  )
  const data = useMemo((): ChartData => {
    const joined = frameOf(
      graph.lines.map((line, index) => ({ ...line.series, metric: { i: String(index) } })),
    )
    const frame = withGaps(joined, graph.stepMs)
    const series = graph.lines.map((line, index): ChartSeries => ({
      key: line.key,
      label: line.shortName,
      color: line.color,
      values: frame.series[index]?.values ?? [],
    }))
    return { times: frame.times, series, from: graph.from, to: graph.to }
  }, [graph])
  const [pointed, setPointed] = useState<(ChartPoint & { readonly labels: Labels }) | null>(null)
  const onPoint = useCallback(
    (point: ChartPoint) => {
      const line = graph.lines.find(({ key }) => key === point.seriesKey) ?? graph.lines[0]
      if (line !== undefined) setPointed({ ...point, labels: line.labels })
    },
    [graph.lines],
  )
  const unpoint = useCallback(() => setPointed(null), [])
  return (
    <section className={styles.panel}>
      <TimeChart
        label={`${x.graph}: ${graph.lines[0]?.name ?? ''}`}
        data={data}
        spec={spec}
        height={340}
        hidden={hidden}
        onPoint={onPoint}
      />
      {pointed !== null && (
        <RelatedAt
          point={{ labels: pointed.labels, time: pointed.time }}
          x={pointed.x}
          y={pointed.y}
          onClose={unpoint}
        />
      )}
      {graph.total > graph.lines.length && (
        <p className={styles.note}>
          {t.query.manySeries(graph.lines.length, graph.total)}
          <Button variant="subtle" onClick={onAll}>
            {x.drawAll}
          </Button>
        </p>
      )}
      <LegendTable rows={graph.lines} unit={graph.unit} hidden={hidden} onToggle={toggle} />
    </section>
  )
}
