import { useComputedColorScheme } from '@mantine/core'
import { useMemo } from 'react'
import type uPlot from 'uplot'
import type { ErrorEvent } from '@/api/errorEvent'
import type { MarkedEvent } from '@/api/events'
import type { IssueDocument } from '@/api/issue'
import { EventsToggle } from '@/components/chart/EventMarks'
import type { ChartData, ChartSpec } from '@/components/chart/model'
import { TimeChart } from '@/components/chart/TimeChart'
import { useMessages } from '@/i18n'
import { levelColor } from '@/lib/levels'
import { formatCount } from '@/lib/units'
import { ChartEventsProvider, useRangeEvents } from '@/state/chartEvents'
import styles from './TimelinePanel.module.css'

interface TimelinePanelProps {
  readonly issue: IssueDocument
  /** Its moment is marked. */
  readonly shown: ErrorEvent | null
}

const height = 116

/** Counts over time, with the releases in which it was first seen and what else happened to its service. */
export function TimelinePanel({ issue, shown }: TimelinePanelProps) {
  const t = useMessages('issue').issue
  const scheme = useComputedColorScheme('dark', { getInitialValueInEffect: false })
  const { start, end, bucketMs, buckets, level } = issue
  const data = useMemo(
    (): ChartData => ({
      from: start,
      to: end,
      times: buckets.map((_, at) => start + (at + 0.5) * bucketMs),
      series: [{ key: 'events', label: t.tabs.events, color: levelColor(level, scheme), values: buckets }],
    }),
    [start, end, bucketMs, buckets, level, scheme, t],
  )
  const spec = useMemo(
    (): ChartSpec => ({ style: 'bars', unit: 'short', min: 0, barMs: bucketMs }),
    [bucketMs],
  )
  const { events: happened } = useRangeEvents()
  const { service, releases, project } = issue
  const marks = useMemo((): readonly MarkedEvent[] => {
    const mine = happened.filter((event) => event.service === '' || event.service === service)
    const seen = releases.map((release): MarkedEvent => ({
      time: release.firstSeen,
      end: null,
      kind: 'release',
      title: t.releaseMark(release.name),
      severity: 'info',
      result: '',
      service: project,
      host: '',
    }))
    return [...mine, ...seen]
  }, [happened, service, releases, project, t])
  const at = shown?.time
  const underlay = useMemo(() => (at === undefined ? undefined : (u: uPlot) => paintMoment(u, at)), [at])
  return (
    <section className={styles.panel} aria-label={t.timeline}>
      <header>
        <span>
          <b>{formatCount(issue.eventsInRange)}</b> {t.inRange}
        </span>
        <span className="muted">{t.ever(formatCount(issue.events), formatCount(issue.users))}</span>
        <EventsToggle />
      </header>
      <ChartEventsProvider value={marks}>
        <TimeChart label={t.timeline} data={data} spec={spec} height={height} underlay={underlay} />
      </ChartEventsProvider>
    </section>
  )
}

/** The moment of the event that is shown. */
function paintMoment(u: uPlot, at: number): void {
  const x = u.valToPos(at, 'x', true)
  const { left, top, width, height: tall } = u.bbox
  if (x < left || x > left + width) return
  u.ctx.save()
  u.ctx.fillStyle = getComputedStyle(u.root).getPropertyValue('--wf-accent')
  u.ctx.fillRect(Math.round(x) - 1, top, 2 * devicePixelRatio, tall)
  u.ctx.restore()
}
