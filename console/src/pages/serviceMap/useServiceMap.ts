import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { queryVector } from '@/api/query'
import { serviceGraph, traceNumbers, type ServiceCall } from '@/api/traceNumbers'
import { epochMs } from '@/lib/brand'
import type { Figures } from '@/lib/map/graph'
import { encodeTimePoint, resolveRange } from '@/lib/time'
import type { MapGrouping } from '@/state/traceSearch'
import { liveKey, settledMs } from '@/state/live'
import { useTimeState } from '@/state/timeSearch'

export interface ServiceMapData {
  readonly calls: readonly ServiceCall[]
  /** What services did as a whole, whoever called them. */
  readonly services: ReadonlyMap<string, Figures>
  readonly seconds: number
  readonly from: number
  readonly to: number
}

/** The moment that is looked at and the milliseconds before it; null is the whole range. */
export interface Moment {
  readonly at: number
  readonly windowMs: number
}

const answering = 'span_kind=~"SPAN_KIND_SERVER|SPAN_KIND_CONSUMER"'

async function figuresOf(from: number, to: number, signal: AbortSignal): Promise<Map<string, Figures>> {
  const range = `[${Math.max(Math.round(to - from), 1)}ms]`
  const calls = (more: string) =>
    `sum by (service) (increase(traces_spanmetrics_calls_total{${answering}${more}}${range}))`
  const durations = `sum by (service) (increase(traces_spanmetrics_duration_seconds{${answering}}${range}))`
  const ask = async (expr: string) => {
    const samples = await queryVector(expr, to, signal)
    return new Map(samples.map(({ metric, value }) => [metric.service ?? '', value]))
  }
  const [requests, failed, p50, p95, p99] = await Promise.all([
    ask(calls('')),
    ask(calls(', status_code="STATUS_CODE_ERROR"')),
    ask(`histogram_quantile(0.5, ${durations})`),
    ask(`histogram_quantile(0.95, ${durations})`),
    ask(`histogram_quantile(0.99, ${durations})`),
  ])
  const finite = (value: number | null | undefined) =>
    value !== undefined && value !== null && Number.isFinite(value) ? value : null
  const out = new Map<string, Figures>()
  for (const [service, count] of requests) {
    out.set(service, {
      requests: count ?? 0,
      failed: failed.get(service) ?? 0,
      p50: finite(p50.get(service)),
      p95: finite(p95.get(service)),
      p99: finite(p99.get(service)),
    })
  }
  return out
}

export function useServiceMap(moment: Moment | null) {
  const { range, zone } = useTimeState()
  const rangeKey =
    moment === null
      ? `${encodeTimePoint(range.from)}..${encodeTimePoint(range.to)}@${zone}`
      : `${moment.at}-${moment.windowMs}`
  return useQuery<ServiceMapData>({
    // A moment of the past stays what it was.
    queryKey: [...(moment === null ? [liveKey] : []), 'traces', 'map', rangeKey],
    staleTime: moment === null ? 0 : settledMs,
    placeholderData: keepPreviousData,
    retry: false,
    queryFn: async ({ signal }) => {
      const { from, to } =
        moment === null
          ? resolveRange(range, epochMs(Date.now()), zone)
          : { from: moment.at - moment.windowMs, to: moment.at }
      const [graph, services] = await Promise.all([
        serviceGraph({ from, to }, signal),
        figuresOf(from, to, signal),
      ])
      return { calls: graph.calls, services, seconds: graph.seconds, from, to }
    },
  })
}

/** The attribute of resources that a grouping goes by. */
const attributes: Readonly<Partial<Record<MapGrouping, string>>> = {
  namespace: 'resource.service.namespace',
  k8s: 'resource.k8s.namespace.name',
  environment: 'resource.deployment.environment.name',
}

const noGroups: ReadonlyMap<string, string> = new Map()

/** The group of each service by an attribute of its resource; of several that of the most spans. */
export function useAttributeGroups(grouping: MapGrouping): ReadonlyMap<string, string> {
  const { range, zone } = useTimeState()
  const attribute = attributes[grouping]
  const asked = useQuery({
    queryKey: ['traces', 'groups', attribute, encodeTimePoint(range.from), encodeTimePoint(range.to)],
    enabled: attribute !== undefined,
    staleTime: settledMs,
    retry: false,
    queryFn: async ({ signal }) => {
      const query = `{ ${attribute ?? ''} != nil } | count_over_time() by (resource.service.name, ${attribute ?? ''})`
      const numbers = await traceNumbers(query, resolveRange(range, epochMs(Date.now()), zone), signal)
      const most = new Map<string, { readonly group: string; readonly count: number }>()
      for (const { labels, value } of numbers) {
        const service = labels['resource.service.name'] ?? ''
        const group = labels[attribute ?? ''] ?? ''
        if (group !== '' && value > (most.get(service)?.count ?? 0))
          most.set(service, { group, count: value })
      }
      return new Map([...most].map(([service, { group }]) => [service, group]))
    },
  })
  return asked.data ?? noGroups
}
