import { Skeleton, Tooltip } from '@mantine/core'
import { useMemo } from 'react'
import type uPlot from 'uplot'
import type { ChartSpec } from '@/components/chart/model'
import { TimeChart } from '@/components/chart/TimeChart'
import { useMessages } from '@/i18n'
import { filterBy } from '@/lib/logql/edit'
import type { Level } from '@/lib/levels'
import { formatValue } from '@/lib/units'
import styles from './HistogramPanel.module.css'
import type { Histogram } from './useHistogram'
import type { Lines } from './useLines'

interface HistogramPanelProps {
  readonly histogram: Histogram
  readonly lines: Lines
  readonly query: string
  readonly onQuery: (query: string) => void
}

const height = 112

/** Lines over time by level; the part that the list below holds has a ground of its own. */
export function HistogramPanel({ histogram, lines, query, onQuery }: HistogramPanelProps) {
  const l = useMessages().logs
  const { data, stepMs } = histogram
  const spec = useMemo((): ChartSpec => ({ style: 'bars', unit: 'short', min: 0, barMs: stepMs }), [stepMs])
  const newest = lines.lines[0]?.ms
  const oldest = lines.lines.at(-1)?.ms
  const partial = lines.hasMore || lines.full
  const underlay = useMemo(() => {
    if (newest === undefined || oldest === undefined || !partial) return undefined
    return (u: uPlot) => paintLoaded(u, Math.min(newest, oldest), Math.max(newest, oldest))
  }, [newest, oldest, partial])
  return (
    <section className={styles.panel} aria-label={l.histogram}>
      {data === null ? (
        <Skeleton height={height} radius="sm" />
      ) : (
        <TimeChart label={l.histogram} data={data} spec={spec} height={height} underlay={underlay} />
      )}
      <ul className={styles.legend} title={l.histogramHelp}>
        {(data?.series ?? []).map((series) => (
          <li key={series.key}>
            <Tooltip label={l.onlyLevel(series.label)}>
              <button type="button" onClick={() => onQuery(onlyLevel(query, series.key as Level))}>
                <i style={{ background: series.color }} />
                {series.label}
                <b>
                  {formatValue(
                    series.values.reduce<number>((sum, v) => sum + (v ?? 0), 0),
                    'short',
                    4,
                  )}
                </b>
              </button>
            </Tooltip>
          </li>
        ))}
      </ul>
    </section>
  )
}

/** A second click on a level takes the filter back. */
function onlyLevel(query: string, level: Level): string {
  const value = level === 'unknown' ? '' : level
  return filterBy(query, { name: 'detected_level', value, origin: 'structured' }, '=')
}

function paintLoaded(u: uPlot, from: number, to: number): void {
  const left = Math.max(u.valToPos(from, 'x', true), u.bbox.left)
  const right = Math.min(u.valToPos(to, 'x', true), u.bbox.left + u.bbox.width)
  if (right < left) return
  u.ctx.save()
  u.ctx.fillStyle = getComputedStyle(u.root).getPropertyValue('--wf-accent-soft')
  u.ctx.fillRect(left, u.bbox.top, Math.max(right - left, 2), u.bbox.height)
  u.ctx.restore()
}
