import { Skeleton, Tooltip } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useMemo, useRef, type MouseEvent } from 'react'
import type uPlot from 'uplot'
import { logIndexStats } from '@/api/logs'
import type { ChartSpec } from '@/components/chart/model'
import { TimeChart } from '@/components/chart/TimeChart'
import { useMessages } from '@/i18n'
import { epochMs } from '@/lib/brand'
import type { Level } from '@/lib/levels'
import { filterBy } from '@/lib/logql/edit'
import { selectorOf } from '@/lib/logql/shape'
import { errorText } from '@/lib/serverError'
import { encodeTimePoint, resolveRange } from '@/lib/time'
import { formatCount, formatValue } from '@/lib/units'
import { useSlowBeat } from '@/state/live'
import { useTimeState } from '@/state/timeSearch'
import styles from './HistogramPanel.module.css'
import type { Histogram } from './useHistogram'
import type { Lines } from './useLines'

interface HistogramPanelProps {
  readonly histogram: Histogram
  readonly lines: Lines
  readonly query: string
  readonly onQuery: (query: string) => void
  /** Called with a moment, in milliseconds, that was clicked on. */
  readonly onMoment: (at: number) => void
}

const height = 112
/** A pointer that moved farther was dragging. */
const dragPixels = 4
/** A second click within this widens the range instead. */
const doubleClickMs = 250

/** Lines over time by level; the part that the list below holds has a ground of its own. */
export function HistogramPanel({ histogram, lines, query, onQuery, onMoment }: HistogramPanelProps) {
  const l = useMessages('logs').logs
  const { data, stepMs } = histogram
  const spec = useMemo((): ChartSpec => ({ style: 'bars', unit: 'short', min: 0, barMs: stepMs }), [stepMs])
  // A second click on a level takes the filter back.
  const onlyLevel = (level: Level) => {
    const { name = 'detected_level', value = '' } = histogram.told?.get(level) ?? {}
    onQuery(filterBy(query, { name, value, origin: 'structured' }, '='))
  }
  const newest = lines.lines[0]?.ms
  const oldest = lines.lines.at(-1)?.ms
  const partial = lines.hasMore || lines.full
  const underlay = useMemo(() => {
    if (newest === undefined || oldest === undefined || !partial) return undefined
    return (u: uPlot) => paintLoaded(u, Math.min(newest, oldest), Math.max(newest, oldest))
  }, [newest, oldest, partial])
  const pressed = useRef({ x: 0, timer: 0 })
  const click = (event: MouseEvent) => {
    window.clearTimeout(pressed.current.timer)
    const over = event.target instanceof Element ? event.target.closest('.u-over') : null
    const dragged = Math.abs(event.clientX - pressed.current.x) > dragPixels
    if (over === null || data === null || dragged || event.detail > 1) return
    const box = over.getBoundingClientRect()
    const at = data.from + ((event.clientX - box.left) / box.width) * (data.to - data.from)
    pressed.current.timer = window.setTimeout(() => onMoment(at), doubleClickMs)
  }
  return (
    <section
      className={styles.panel}
      aria-label={l.histogram}
      onMouseDown={(event) => {
        pressed.current.x = event.clientX
      }}
      onClick={click}
    >
      {data === null && histogram.error !== null ? (
        <p className={styles.note} style={{ height }}>
          {errorText(histogram.error.message)}
        </p>
      ) : data === null ? (
        <Skeleton height={height} radius="sm" />
      ) : (
        <TimeChart label={l.histogram} data={data} spec={spec} height={height} underlay={underlay} />
      )}
      <ul className={styles.legend} title={l.histogramHelp}>
        {(data?.series ?? []).map((series) => (
          <li key={series.key}>
            <Tooltip label={l.onlyLevel(series.label)}>
              <button type="button" onClick={() => onlyLevel(series.key as Level)}>
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
        <IndexFacts query={query} />
      </ul>
    </section>
  )
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

/** How much the streams of a query hold in the range, whatever its filters; answered from the index. */
function IndexFacts({ query }: { readonly query: string }) {
  const l = useMessages('logs').logs
  const { range, zone } = useTimeState()
  const rangeKey = `${encodeTimePoint(range.from)}..${encodeTimePoint(range.to)}@${zone}`
  const selector = selectorOf(query)
  const beat = useSlowBeat()
  const { data } = useQuery({
    queryKey: ['logs', 'stats', selector, rangeKey],
    enabled: selector !== null,
    staleTime: 15_000,
    retry: false,
    queryFn: ({ signal }) =>
      logIndexStats(selector ?? '', resolveRange(range, epochMs(Date.now()), zone), signal),
    refetchInterval: ({ state }) => beat(state.data?.streams === 0),
  })
  if (data === undefined) return null
  return (
    <li className={styles.facts}>
      {l.streams(data.streams, formatCount(data.streams), formatValue(data.bytes, 'bytes'))}
    </li>
  )
}
