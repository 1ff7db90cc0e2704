import { useComputedColorScheme } from '@mantine/core'
import { useMemo } from 'react'
import { logMatrix } from '@/api/logs'
import type { ChartData } from '@/components/chart/model'
import { epochMs, ms, type Milliseconds } from '@/lib/brand'
import { formatDuration } from '@/lib/duration'
import { levelColor, levels } from '@/lib/levels'
import { histogramQuery, levelBars, type LevelBars } from '@/lib/logHistogram'
import { chooseStep } from '@/lib/step'
import { resolveRange } from '@/lib/time'
import { useLiveFrame, type FrameSource } from '@/state/live'
import { useTimeState } from '@/state/timeSearch'

const lines: FrameSource = {
  name: 'logql',
  ask: ({ expr, ...range }, signal) => logMatrix({ query: expr, ...range }, signal),
  unfinished: true,
}

/** A bar is about this many pixels. */
const barPixels = 14

function barCount(): number {
  return Math.min(Math.max(Math.round((window.innerWidth - 300) / barPixels), 24), 120)
}

export interface Histogram {
  readonly data: ChartData | null
  readonly stepMs: Milliseconds
  /** Lines in the range; at its ends whole bars are counted. */
  readonly total: number | null
  /** By which label and value a level is asked for. */
  readonly told: LevelBars['told'] | null
  readonly error: Error | null
}

/** How many lines there are over time, by level. */
export function useHistogram(query: string | null, levelName: (level: string) => string): Histogram {
  const { range, zone } = useTimeState()
  const scheme = useComputedColorScheme('dark', { getInitialValueInEffect: false })
  const { from, to } = resolveRange(range, epochMs(Date.now()), zone)
  const stepMs = chooseStep(ms(to - from), barCount())
  const expr = query === null ? null : histogramQuery(query, formatDuration(stepMs))
  const live = useLiveFrame(expr, stepMs, lines)
  const frame = live.data
  return useMemo(() => {
    if (frame === undefined) return { data: null, stepMs, total: null, told: null, error: live.error }
    const bars = levelBars(frame.frame, frame.from, frame.to, frame.stepMs)
    const data: ChartData = {
      times: bars.times,
      from: frame.from,
      to: Math.max(frame.to, frame.from + 1),
      // The gravest stand at the bottom, where even few of them are seen.
      series: levels.flatMap((level) => {
        const values = bars.counts.get(level)
        return values === undefined
          ? []
          : [{ key: level, label: levelName(level), color: levelColor(level, scheme), values }]
      }),
    }
    return { data, stepMs: frame.stepMs, total: bars.total, told: bars.told, error: live.error }
  }, [frame, live.error, stepMs, scheme, levelName])
}
