import { Button, SegmentedControl, Select, Skeleton, TextInput } from '@mantine/core'
import { IconSearch, IconTopologyStar3 } from '@tabler/icons-react'
import { Link } from '@tanstack/react-router'
import { useMemo } from 'react'
import { Message } from '@/components/Message'
import { QueryError } from '@/components/QueryError'
import { TracesTabs } from '@/components/TracesTabs'
import { useMessages } from '@/i18n'
import { around, graphOf, grouped, prefixOf, type MapGraph, type MapNode } from '@/lib/map/graph'
import { formatCount } from '@/lib/units'
import { mapGroupings, type MapGrouping } from '@/state/traceSearch'
import { MapCanvas } from './MapCanvas'
import { MapDetail } from './MapDetail'
import { useMapState, type MapState } from './mapState'
import { MapTables } from './MapTables'
import styles from './ServiceMapPage.module.css'
import { TimeTravel } from './TimeTravel'
import { useAttributeGroups, useServiceMap, type ServiceMapData } from './useServiceMap'

/** Which services call which, how often, how well and how quickly; now and at any time. */
export function ServiceMapPage() {
  const t = useMessages('serviceMap').serviceMap
  const [state, change] = useMapState()
  const asked = useServiceMap(state.moment)
  const { data } = asked
  const graph = useShownGraph(data, state)
  const filter = state.filter.trim().toLowerCase()
  const found = useMemo(() => {
    if (filter === '') return null
    const names = graph.nodes.filter(({ label, members }) =>
      [label, ...members].some((name) => name.toLowerCase().includes(filter)),
    )
    return new Set(names.map(({ id }) => id))
  }, [graph, filter])
  const node = graph.nodes.find(({ id }) => id === state.service) ?? null
  const edge = node === null ? (graph.edges.find(({ id }) => id === state.edge) ?? null) : null
  const onService = (id: string | null) =>
    change(
      id === null
        ? { service: undefined, edge: undefined, hops: undefined }
        : { service: id, edge: undefined },
    )
  const onEdge = (id: string) => change({ edge: id, service: undefined, hops: undefined })
  const onOpen = (of: MapNode) => {
    if (of.type === 'group') change({ open: [...state.open, of.label], service: undefined })
    else change({ service: of.id, edge: undefined, hops: '1' })
  }
  const seconds = data?.seconds ?? 1
  const { moment } = state
  const times = moment === null ? null : { from: String(moment.at - moment.windowMs), to: String(moment.at) }
  return (
    <div className={styles.page}>
      <h1 className={styles.title}>{t.title}</h1>
      <TracesTabs />
      <div className={styles.bar}>
        <TextInput
          size="xs"
          w={210}
          data-main-input
          leftSection={<IconSearch size={14} />}
          placeholder={t.find}
          aria-label={t.find}
          value={state.filter}
          onChange={(event) => change({ filter: event.currentTarget.value || undefined })}
          onKeyDown={(event) => {
            const [first] = found ?? []
            if (event.key === 'Enter' && first !== undefined) onService(first)
          }}
        />
        <Select
          size="xs"
          w={190}
          aria-label={t.grouping}
          value={state.group}
          allowDeselect={false}
          data={mapGroupings.map((name) => ({ value: name, label: t.groupings[name] }))}
          onChange={(next) =>
            change({
              group: next === 'none' ? undefined : (mapGroupings.find((name) => name === next) ?? undefined),
              open: undefined,
              service: undefined,
              edge: undefined,
            })
          }
        />
        {state.open.size > 0 && (
          <Button variant="subtle" onClick={() => change({ open: undefined })}>
            {t.foldGroups}
          </Button>
        )}
        {state.service !== null && (
          <SegmentedControl
            size="xs"
            aria-label={t.focus}
            value={state.hops === null ? 'all' : String(state.hops)}
            onChange={(next) => change({ hops: next === 'all' ? undefined : next })}
            data={[
              { value: 'all', label: t.all },
              { value: '1', label: t.hops(1) },
              { value: '2', label: t.hops(2) },
              { value: '3', label: t.hops(3) },
            ]}
          />
        )}
        <span className={styles.summary} role="status">
          {data === undefined
            ? ''
            : t.summary(formatCount(graph.nodes.length), formatCount(graph.edges.length))}
          {found !== null && ` · ${t.found(found.size)}`}
        </span>
        <SegmentedControl
          className={styles.end}
          size="xs"
          aria-label={t.view}
          value={state.table ? 'table' : 'map'}
          onChange={(next) => change({ view: next === 'table' ? 'table' : undefined })}
          data={[
            { value: 'map', label: t.map },
            { value: 'table', label: t.table },
          ]}
        />
      </div>
      <TimeTravel state={state} change={change} />
      {asked.error !== null ? (
        <QueryError message={asked.error.message} text="" mistake={null} />
      ) : data === undefined ? (
        <Skeleton height={420} radius="md" />
      ) : graph.nodes.length === 0 ? (
        <NoCalls />
      ) : (
        <div className={styles.body} data-table={state.table || undefined}>
          {state.table ? (
            <MapTables graph={graph} seconds={seconds} onService={onService} onEdge={onEdge} />
          ) : (
            <MapCanvas
              graph={graph}
              seconds={seconds}
              service={state.service}
              edge={state.edge}
              found={found}
              onService={onService}
              onEdge={onEdge}
              onOpen={onOpen}
            />
          )}
          {(node !== null || edge !== null) && (
            <MapDetail
              graph={graph}
              seconds={seconds}
              node={node}
              edge={edge}
              times={times}
              onService={onService}
              onEdge={onEdge}
              onOpen={onOpen}
              onClose={() => onService(null)}
            />
          )}
        </div>
      )}
    </div>
  )
}

const nobody: MapGraph = { nodes: [], edges: [] }

/** The graph as it was asked for: grouped, and only what is near the service in focus. */
function useShownGraph(data: ServiceMapData | undefined, state: MapState): MapGraph {
  const byAttribute = useAttributeGroups(state.group)
  const { group, open, service, hops } = state
  return useMemo(() => {
    if (data === undefined) return nobody
    const whole = graphOf(data.calls, data.services)
    const folded = group === 'none' ? whole : grouped(whole, groupName(group, byAttribute), open)
    return hops !== null && service !== null ? around(folded, service, hops) : folded
  }, [data, group, byAttribute, open, service, hops])
}

function groupName(
  grouping: MapGrouping,
  byAttribute: ReadonlyMap<string, string>,
): (node: MapNode) => string | null {
  if (grouping === 'type') return ({ type }) => (type === 'user' ? null : type)
  if (grouping === 'prefix') return ({ id }) => prefixOf(id)
  return ({ id }) => byAttribute.get(id) ?? null
}

function NoCalls() {
  const t = useMessages('serviceMap').serviceMap
  return (
    <Message
      icon={<IconTopologyStar3 size={44} stroke={1.3} />}
      title={t.nothing}
      actions={
        <Button variant="default" renderRoot={(props) => <Link {...props} to="/traces" />}>
          {t.toSearch}
        </Button>
      }
    >
      <p>{t.nothingHint}</p>
    </Message>
  )
}
