import { Button, Select, useComputedColorScheme } from '@mantine/core'
import { IconClock } from '@tabler/icons-react'
import { useEffect, useMemo, useRef, useState } from 'react'
import type uPlot from 'uplot'
import { chartData } from '@/components/chart/FramePanel'
import type { ChartSpec } from '@/components/chart/model'
import { TimeChart } from '@/components/chart/TimeChart'
import { useMessages } from '@/i18n'
import { epochMs, ms } from '@/lib/brand'
import { dateTimeText } from '@/lib/clockText'
import { formatDuration } from '@/lib/duration'
import type { FrameSeries } from '@/lib/frame'
import { levelColor } from '@/lib/levels'
import { seriesColor } from '@/lib/palette'
import { chooseStep } from '@/lib/step'
import { resolveRange } from '@/lib/time'
import { useLiveFrame } from '@/state/live'
import { useTimeState } from '@/state/timeSearch'
import styles from './ServiceMapPage.module.css'
import type { MapChange, MapState } from './mapState'

const points = 180
const spec: ChartSpec = { style: 'area', unit: 'per-second', min: 0 }
const height = 76
const windows = [1, 5, 15, 60, 360]
const minRateMs = 60_000
/** The slider waits so long before the map follows. */
const settleMs = 120

/** Calls over the whole range; the slider goes to any moment of it. */
export function TimeTravel({
  state,
  change,
}: {
  readonly state: MapState
  readonly change: (change: MapChange) => void
}) {
  const t = useMessages('serviceMap').serviceMap
  const scheme = useComputedColorScheme('dark', { getInitialValueInEffect: false })
  const { range, zone } = useTimeState()
  const { from, to } = resolveRange(range, epochMs(Date.now()), zone)
  const stepMs = chooseStep(ms(to - from), points)
  const live = useLiveFrame(expression(formatDuration(ms(Math.max(minRateMs, stepMs * 2)))), stepMs)
  const data = useMemo(() => {
    if (live.data === undefined) return null
    const look = (series: FrameSeries) =>
      series.labels.what === 'failed'
        ? { label: t.failed, color: levelColor('error', scheme), order: 1 }
        : { label: t.allCalls, color: seriesColor(1, scheme), order: 0 }
    return chartData(live.data, look, scheme)
  }, [live.data, scheme, t])
  const { moment, windowMinutes } = state
  const underlay = useMemo(() => {
    if (moment === null) return undefined
    return (u: uPlot) => paintWindow(u, moment.at - moment.windowMs, moment.at)
  }, [moment])
  return (
    <section className={styles.travel} aria-label={t.travel}>
      <div className={styles.travelBar}>
        <IconClock size={15} aria-hidden />
        <span role="status">
          {moment === null
            ? t.wholeRange
            : t.window(dateTimeText(moment.at - moment.windowMs, zone), dateTimeText(moment.at, zone))}
        </span>
        <Select
          size="xs"
          w={120}
          aria-label={t.windowLength}
          value={String(windowMinutes)}
          allowDeselect={false}
          data={windows.map((minutes) => ({
            value: String(minutes),
            label: formatDuration(ms(minutes * 60_000)),
          }))}
          onChange={(next) => change({ window: next === null || next === '5' ? undefined : next })}
        />
        {moment !== null && (
          <Button variant="subtle" onClick={() => change({ at: undefined })}>
            {t.backToRange}
          </Button>
        )}
      </div>
      {data !== null && data.series.length > 0 && (
        <TimeChart label={t.travel} data={data} spec={spec} height={height} underlay={underlay} />
      )}
      <Slider from={from} to={to} at={moment?.at ?? null} onAt={(at) => change({ at: String(at) })} />
    </section>
  )
}

function expression(window: string): string {
  const sum = (metric: string, what: string) =>
    `label_replace(sum(rate(${metric}[${window}])), "what", "${what}", "", "")`
  const total = sum('traces_service_graph_request_total', 'all')
  return `${total} or ${sum('traces_service_graph_request_failed_total', 'failed')}`
}

function paintWindow(u: uPlot, from: number, to: number): void {
  const left = Math.max(u.valToPos(from, 'x', true), u.bbox.left)
  const right = Math.min(u.valToPos(to, 'x', true), u.bbox.left + u.bbox.width)
  if (right < left) return
  u.ctx.save()
  u.ctx.fillStyle = getComputedStyle(u.root).getPropertyValue('--wf-accent-soft')
  u.ctx.fillRect(left, u.bbox.top, Math.max(right - left, 2), u.bbox.height)
  u.ctx.restore()
}

interface SliderProps {
  readonly from: number
  readonly to: number
  readonly at: number | null
  readonly onAt: (at: number) => void
}

const slots = 500

function Slider({ from, to, at, onAt }: SliderProps) {
  const t = useMessages('serviceMap').serviceMap
  const { zone } = useTimeState()
  const [dragged, setDragged] = useState<number | null>(null)
  const timer = useRef(0)
  useEffect(() => () => window.clearTimeout(timer.current), [])
  const slot = Math.max((to - from) / slots, 1)
  const place = dragged ?? (at === null ? slots : Math.round((at - from) / slot))
  const move = (next: number) => {
    setDragged(next)
    window.clearTimeout(timer.current)
    timer.current = window.setTimeout(() => {
      setDragged(null)
      onAt(Math.round(from + next * slot))
    }, settleMs)
  }
  return (
    <input
      type="range"
      className={styles.slider}
      aria-label={t.slider}
      aria-valuetext={dateTimeText(from + place * slot, zone)}
      min={1}
      max={slots}
      value={Math.min(Math.max(place, 1), slots)}
      onChange={(event) => move(Number(event.currentTarget.value))}
    />
  )
}
