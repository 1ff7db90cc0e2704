import { IconChartLine, IconLogs, IconSearch, IconTimeline } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { correlate } from '@/api/correlate'
import type { ErrorEvent } from '@/api/errorEvent'
import { TraceWay, Way } from '@/components/Way'
import { useMessages } from '@/i18n'
import { quote } from '@/lib/matcher'
import { formatCount } from '@/lib/units'
import styles from './Ways.module.css'

const metricsMax = 3

/** Labels by which the entity of an event is known. */
function labelsOf({ service, host }: ErrorEvent['links']): Record<string, string> {
  return {
    ...(service !== '' && { 'service.name': service }),
    ...(host !== '' && { 'host.name': host }),
  }
}

/** From an event to the other signals of its moment: five minutes before and after it. */
export function Ways({ event }: { readonly event: ErrorEvent }) {
  const w = useMessages('issue').issue.ways
  const { links } = event
  const labels = labelsOf(links)
  const found = useQuery({
    queryKey: ['correlate', labels, links.start, links.end],
    enabled: Object.keys(labels).length > 0,
    // Ways are an extra: what the event itself says is enough for most of them.
    retry: false,
    staleTime: 60_000,
    queryFn: ({ signal }) => correlate(labels, { from: links.start, to: links.end }, signal),
  })
  const at = { from: String(links.start), to: String(links.end) }
  const logs = found.data?.logs[0]?.selector ?? links.logs
  const amount = found.data?.logs[0]?.amount ?? null
  const traces = found.data?.traces[0]?.selector
  const queries = links.metrics.map(({ query }) => query).slice(0, metricsMax)
  const metrics = found.data?.metrics[0]
  return (
    <div className={styles.ways} role="group" aria-label={w.label}>
      {links.traceId !== '' && (
        <TraceWay id={links.traceId} span={links.spanId} icon={<IconTimeline size={14} />}>
          {w.trace}
        </TraceWay>
      )}
      {links.traceId !== '' && logs !== '' && (
        <Way
          to="/logs"
          search={{ q: `${logs} | trace_id=${quote(links.traceId)}`, ...at }}
          icon={<IconLogs size={14} />}
        >
          {w.traceLogs}
        </Way>
      )}
      {logs !== '' && (
        <Way to="/logs" search={{ q: logs, ...at }} icon={<IconLogs size={14} />}>
          {amount === null || amount === 0 ? w.logs : w.logsCounted(formatCount(amount))}
        </Way>
      )}
      {queries.length > 0 && (
        <Way to="/explore" search={{ q: queries, ...at }} icon={<IconChartLine size={14} />}>
          {w.metrics}
        </Way>
      )}
      {metrics !== undefined && (metrics.amount ?? 0) > 0 && (
        <Way
          to="/explore"
          search={{ q: [`count by (__name__) (${metrics.selector})`], view: 'table', ...at }}
          icon={<IconChartLine size={14} />}
        >
          {w.allMetrics(formatCount(metrics.amount))}
        </Way>
      )}
      {traces !== undefined && (
        <Way to="/traces" search={{ q: traces, ...at }} icon={<IconSearch size={14} />}>
          {w.traces}
        </Way>
      )}
    </div>
  )
}
