import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { useMemo } from 'react'
import { ruleAlerts, type RuleAlert } from '@/api/alerting'
import { correlate, fetchEntity, type EntityPage } from '@/api/entities'
import { fetchEvents, type ServerEvent } from '@/api/events'
import { queryVector } from '@/api/query'
import { epochMs } from '@/lib/brand'
import { instancesQuery } from '@/lib/entityQueries'
import { mergeEvents } from '@/lib/eventList'
import { quote } from '@/lib/matcher'
import { eventSearch } from '@/lib/related'
import { encodeTimePoint, resolveRange } from '@/lib/time'
import { conditionsOf } from '@/state/eventsSearch'
import { liveKey, useSlowBeat } from '@/state/live'
import { useTimeState } from '@/state/timeSearch'

function useRangeKey(): string {
  const { range, zone } = useTimeState()
  return `${encodeTimePoint(range.from)}..${encodeTimePoint(range.to)}@${zone}`
}

/** What the catalogue says of an entity in the range in view. */
export function useEntity(type: string, id: string) {
  const { range, zone } = useTimeState()
  const rangeKey = useRangeKey()
  return useQuery({
    queryKey: [liveKey, 'entity', type, id, rangeKey],
    placeholderData: (old: { readonly entity: EntityPage } | undefined) =>
      old?.entity.type === type && old.entity.id === id ? (old as never) : undefined,
    retry: false,
    queryFn: async ({ signal }) => {
      const { from, to } = resolveRange(range, epochMs(Date.now()), zone)
      return { entity: await fetchEntity(type, id, { from, to }, signal), from, to }
    },
  })
}

/** The newest records of each signal. */
export function useNewest(type: string, id: string) {
  const { range, zone } = useTimeState()
  const rangeKey = useRangeKey()
  return useQuery({
    queryKey: [liveKey, 'entity-newest', type, id, rangeKey],
    placeholderData: keepPreviousData,
    retry: false,
    queryFn: async ({ signal }) => {
      const { from, to } = resolveRange(range, epochMs(Date.now()), zone)
      return (await correlate({ type, id }, { from, to }, signal)).preview
    },
  })
}

/** Selectors of events that are asked for, the fullest first; more of them would say the same. */
const selectorsMax = 3
const eventsMax = 500
const none: readonly ServerEvent[] = []

/** What happened to the entity, the newest first. */
export function useEntityEvents(entity: EntityPage | undefined): readonly ServerEvent[] {
  const { range, zone } = useTimeState()
  const rangeKey = useRangeKey()
  const selectors = useMemo(
    () =>
      [...(entity?.signals.events ?? [])]
        .sort((a, b) => b.count - a.count)
        .slice(0, selectorsMax)
        .map(({ selector }) => selector),
    [entity],
  )
  const asked = useQuery({
    queryKey: [liveKey, 'entity-events', selectors, rangeKey],
    enabled: selectors.length > 0,
    placeholderData: keepPreviousData,
    retry: false,
    queryFn: async ({ signal }) => {
      const { from, to } = resolveRange(range, epochMs(Date.now()), zone)
      const pages = await Promise.all(
        selectors.map((selector) =>
          fetchEvents(from, to + 1, eventsMax, signal, conditionsOf(eventSearch(selector))),
        ),
      )
      return pages.map(({ data }) => data).reduce(mergeEvents, none)
    },
  })
  return asked.data ?? none
}

/** Under which labels alerts may name an entity of a type. */
const named: Readonly<Record<string, readonly string[]>> = {
  service: ['service_name', 'service', 'job'],
  instance: ['service_instance_id', 'instance'],
  host: ['host_name', 'nodename', 'hostname', 'host', 'instance'],
  pod: ['k8s_pod_name', 'pod'],
  node: ['k8s_node_name', 'node'],
  container: ['k8s_container_name', 'container'],
  database: ['server', 'server_address', 'db_namespace'],
  queue: ['messaging_destination_name', 'server'],
}

export function isAbout(alert: Pick<RuleAlert, 'labels'>, type: string, name: string): boolean {
  return (named[type] ?? []).some((label) => {
    const value = alert.labels[label]
    return value === name || (type === 'host' && value?.replace(/:\d+$/, '') === name)
  })
}

/** The alerts that fire and name the entity. */
export function useEntityAlerts(entity: EntityPage | undefined): readonly RuleAlert[] {
  const asked = useQuery({
    queryKey: [liveKey, 'entity-alerts', entity?.type, entity?.id],
    enabled: entity !== undefined && entity.alerts > 0,
    retry: false,
    queryFn: ({ signal }) => ruleAlerts(signal),
  })
  return useMemo(
    () =>
      entity === undefined || entity.alerts === 0
        ? []
        : (asked.data ?? []).filter(
            (alert) => alert.state === 'firing' && isAbout(alert, entity.type, entity.name),
          ),
    [asked.data, entity],
  )
}

/** The conditions on series of a host's instances; null where none report. */
export function useInstances(entity: EntityPage | undefined): string | null {
  const beat = useSlowBeat()
  const machine = entity?.type === 'host' || entity?.type === 'node'
  const { range, zone } = useTimeState()
  const rangeKey = useRangeKey()
  const asked = useQuery({
    queryKey: ['entity-instances', entity?.name, rangeKey],
    enabled: machine,
    retry: false,
    queryFn: async ({ signal }) => {
      const { to } = resolveRange(range, epochMs(Date.now()), zone)
      const samples = await queryVector(instancesQuery(entity?.name ?? ''), to, signal)
      return samples.map(({ metric }) => metric)
    },
    refetchInterval: ({ state }) => beat((state.data?.length ?? 0) === 0),
  })
  const best = asked.data?.find(({ job }) => job === 'node') ?? asked.data?.[0]
  if (!machine || best === undefined) return null
  return `instance=${quote(best.instance ?? '')},job=${quote(best.job ?? '')}`
}
