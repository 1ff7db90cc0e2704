import { useComputedColorScheme } from '@mantine/core'
import { useMemo } from 'react'
import type { ServerEvent } from '@/api/events'
import { EventLanes } from '@/components/chart/EventLanes'
import type { Lane } from '@/components/chart/lanes'
import type { ChartData, ChartSpec } from '@/components/chart/model'
import { TimeChart } from '@/components/chart/TimeChart'
import { useMessages } from '@/i18n'
import { eventLanes } from '@/lib/eventList'
import { serviceColors } from '@/lib/trace/colors'
import { formatCount } from '@/lib/units'
import styles from './TimelinePanel.module.css'
import type { EventsState } from './eventsState'
import type { Events } from './useEvents'

interface TimelinePanelProps {
  readonly found: Events
  readonly state: EventsState
  readonly onPick: (event: ServerEvent) => void
}

/** More lanes than this are a wall; the rest shares one. */
const lanesMax = 12
const histogramHeight = 92

export function axisPixelsOf(width: number): number {
  return width < 700 ? 78 : 132
}

/** How many there are over time, by kind, and lanes of them on the same axis. */
export function TimelinePanel({ found, state, onPick }: TimelinePanelProps) {
  const e = useMessages('events').events
  const scheme = useComputedColorScheme('dark', { getInitialValueInEffect: false })
  const { counts, events, from, to } = found
  const by = state.search.by ?? 'kind'
  const axisPixels = axisPixelsOf(window.innerWidth)
  const totals = useMemo(
    () =>
      new Map(
        Object.entries(counts?.kinds ?? {}).map(([kind, row]) => [kind, row.reduce((a, b) => a + b, 0)]),
      ),
    [counts],
  )
  const colors = useMemo(() => serviceColors(totals.keys(), scheme), [totals, scheme])
  const data = useMemo((): ChartData | null => {
    if (counts === null) return null
    const rows = Object.entries(counts.kinds)
    const size = rows[0]?.[1].length ?? 0
    return {
      times: Array.from({ length: size }, (_, i) => counts.start + (i + 0.5) * counts.stepMs),
      from,
      to: Math.max(to, from + 1),
      series: rows
        .sort((a, b) => (totals.get(b[0]) ?? 0) - (totals.get(a[0]) ?? 0))
        .map(([kind, values]) => ({
          key: kind,
          label: kind,
          color: colors.get(kind) ?? '#888888',
          values,
        })),
    }
  }, [counts, totals, colors, from, to])
  const stepMs = counts?.stepMs ?? 1
  const spec = useMemo(
    (): ChartSpec => ({ style: 'bars', unit: 'short', min: 0, barMs: stepMs, axisPixels }),
    [stepMs, axisPixels],
  )
  const lanes = useMemo((): readonly Lane[] => {
    const of = (event: ServerEvent) => (by === 'service' ? event.service : event.kind)
    const grouped = eventLanes(events, of, by === 'kind' ? totals : null, lanesMax)
    const named = by === 'service' ? serviceColors(grouped.lanes, scheme) : colors
    const shown = grouped.lanes.map((key): Lane => {
      const values = counts?.kinds[key]
      return {
        key,
        label: key === '' ? e.noService : key,
        color: named.get(key) ?? '#888888',
        events: grouped.events.get(key) ?? [],
        counts:
          by === 'kind' && values !== undefined && counts !== null
            ? { start: counts.start, stepMs: counts.stepMs, values }
            : null,
      }
    })
    const rest = [...grouped.events].filter(([key]) => !grouped.lanes.includes(key)).flatMap(([, of]) => of)
    return rest.length === 0
      ? shown
      : [...shown, { key: '\u0000', label: e.otherLanes, color: '#888888', events: rest, counts: null }]
  }, [events, by, totals, scheme, colors, counts, e])
  const chosen = state.search[by]
  return (
    <section className={styles.panel} aria-label={e.timeline}>
      {data !== null && <TimeChart label={e.histogram} data={data} spec={spec} height={histogramHeight} />}
      <EventLanes
        label={e.lanes(lanes.length)}
        from={from}
        to={Math.max(to, from + 1)}
        lanes={lanes}
        axisPixels={axisPixels}
        selected={state.search.event ?? null}
        onPick={onPick}
      />
      <ul className={styles.legend}>
        {lanes
          .filter(({ key }) => key !== '' && key !== '\u0000' && key !== '(other)')
          .map((lane) => (
            <li key={lane.key}>
              <button
                type="button"
                aria-pressed={chosen?.includes(lane.key) ?? false}
                aria-label={e.only(lane.label)}
                onClick={() => state.toggle(by, lane.key)}
              >
                <i style={{ background: lane.color }} />
                <span className="clip">{lane.label}</span>
                <b>{formatCount(by === 'kind' ? (totals.get(lane.key) ?? 0) : lane.events.length)}</b>
              </button>
            </li>
          ))}
        {(found.hasMore || found.full) && (
          <li className={styles.note}>{e.marksOf(formatCount(events.length))}</li>
        )}
      </ul>
    </section>
  )
}
