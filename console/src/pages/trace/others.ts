import { quote, selector } from '@/lib/matcher'
import type { TraceSpan } from '@/api/traceDocument'

/** Logs are written and stored a little apart from what they speak of. */
const marginMs = 5 * 60_000

/** A range of time around a span or a trace, for the address of another screen. */
export function timesAround(startMs: number, durationMs: number, margin = marginMs) {
  return {
    from: String(Math.floor(startMs - margin)),
    to: String(
      Math.ceil(Math.min(startMs + durationMs + margin, Math.max(Date.now(), startMs + durationMs))),
    ),
  }
}

/** Lines that carry the id of a trace. */
export const logsOf = (streams: string, traceId: string): string => `${streams} | trace_id=${quote(traceId)}`

export const logsOfService = ({ service }: { readonly service: string }): string =>
  `{service_name=${quote(service)}}`

/** Rate by status and latency of an operation, from the metrics that are counted of spans. */
export function metricsOf({ service, name }: Pick<TraceSpan, 'service' | 'name'>): string[] {
  const of = { service, span_name: name }
  const calls = selector('traces_spanmetrics_calls_total', of)
  const durations = selector('traces_spanmetrics_duration_seconds', of)
  return [
    `sum by (status_code) (rate(${calls}[2m]))`,
    `histogram_quantile(0.95, sum (rate(${durations}[2m])))`,
    `histogram_quantile(0.5, sum (rate(${durations}[2m])))`,
  ]
}
