import { ActionIcon, Button } from '@mantine/core'
import { IconAlertTriangle, IconChartLine, IconLogs, IconSearch, IconX } from '@tabler/icons-react'
import { Way } from '@/components/Way'
import { useMessages } from '@/i18n'
import { healthOf, type Figures, type MapEdge, type MapGraph, type MapNode } from '@/lib/map/graph'
import { quote, selector } from '@/lib/matcher'
import { filterOf, literal } from '@/lib/traceql/filter'
import { formatSeconds, formatValue } from '@/lib/units'
import styles from './ServiceMapPage.module.css'

interface Times {
  readonly from: string
  readonly to: string
}

interface MapDetailProps {
  readonly graph: MapGraph
  readonly seconds: number
  readonly node: MapNode | null
  readonly edge: MapEdge | null
  /** The times of the address of other screens; null leaves the range as it is. */
  readonly times: Times | null
  readonly onService: (id: string | null) => void
  readonly onEdge: (id: string) => void
  readonly onOpen: (node: MapNode) => void
  readonly onClose: () => void
}

/** What is known of a service or of a call, and the ways to its traces, metrics and logs. */
export function MapDetail(props: MapDetailProps) {
  const { graph, seconds, node, edge, times, onService, onEdge, onOpen, onClose } = props
  const t = useMessages('serviceMap').serviceMap
  const common = useMessages().common
  const title = node === null ? `${edge?.from ?? ''} → ${edge?.to ?? ''}` : node.label
  const figures: Figures | null = node ?? edge
  if (figures === null) return null
  const calls = (title: string, of: readonly MapEdge[], other: 'from' | 'to') => (
    <Calls
      key={other}
      title={title}
      calls={of}
      other={other}
      graph={graph}
      seconds={seconds}
      onEdge={onEdge}
    />
  )
  return (
    <aside className={styles.detail} aria-label={t.detail}>
      <header>
        <h2>{title}</h2>
        <ActionIcon aria-label={common.close} onClick={onClose}>
          <IconX size={16} />
        </ActionIcon>
      </header>
      <p className="muted">{node === null ? t.connection(edge?.connection ?? '') : t.types[node.type]}</p>
      <FigureList figures={figures} seconds={seconds} />
      {node?.type === 'group' ? (
        <>
          <p className={styles.note}>{t.groupNote}</p>
          <Button variant="default" onClick={() => onOpen(node)}>
            {t.unfold}
          </Button>
          <ul className={styles.members}>
            {node.members.map((member) => (
              <li key={member}>{member}</li>
            ))}
          </ul>
        </>
      ) : node !== null ? (
        <ServiceWays service={node} times={times} />
      ) : (
        edge !== null && <CallWays edge={edge} times={times} onService={onService} />
      )}
      {node !== null && [
        calls(
          t.callers,
          graph.edges.filter(({ to }) => to === node.id),
          'from',
        ),
        calls(
          t.called,
          graph.edges.filter(({ from }) => from === node.id),
          'to',
        ),
      ]}
    </aside>
  )
}

function FigureList({ figures, seconds }: { readonly figures: Figures; readonly seconds: number }) {
  const t = useMessages('serviceMap').serviceMap
  const quantile = (value: number | null) => (value === null ? '–' : formatSeconds(value))
  const share = figures.requests > 0 ? Math.min(figures.failed / figures.requests, 1) : 0
  const rows: readonly (readonly [string, string])[] = [
    [t.rate, formatValue(figures.requests / Math.max(seconds, 1), 'per-second')],
    [t.requests, formatValue(Math.round(figures.requests), 'short')],
    [t.errors, formatValue(share, 'ratio')],
    ['p50', quantile(figures.p50)],
    ['p95', quantile(figures.p95)],
    ['p99', quantile(figures.p99)],
  ]
  return (
    <dl className={styles.figures} data-health={healthOf(figures)}>
      {rows.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd data-errors={name === t.errors || undefined}>{value}</dd>
        </div>
      ))}
    </dl>
  )
}

interface CallsProps {
  readonly title: string
  readonly calls: readonly MapEdge[]
  readonly other: 'from' | 'to'
  readonly graph: MapGraph
  readonly seconds: number
  readonly onEdge: (id: string) => void
}

function Calls({ title, calls, other, graph, seconds, onEdge }: CallsProps) {
  if (calls.length === 0) return null
  const label = (id: string) => graph.nodes.find((node) => node.id === id)?.label ?? id
  const most = [...calls].sort((a, b) => b.requests - a.requests)
  return (
    <section className={styles.calls}>
      <h3>{title}</h3>
      <ul>
        {most.map((call) => (
          <li key={call.id}>
            <button type="button" data-health={healthOf(call)} onClick={() => onEdge(call.id)}>
              <span className="clip">{label(call[other])}</span>
              <b>{formatValue(call.requests / Math.max(seconds, 1), 'per-second')}</b>
              <em>{call.p95 === null ? '–' : formatSeconds(call.p95, 2)}</em>
            </button>
          </li>
        ))}
      </ul>
    </section>
  )
}

const serviceIs = (service: string) => ({ field: 'resource.service.name', op: '=', value: literal(service) })
const failed = { field: 'status', op: '=', value: 'error' }

function ServiceWays({ service, times }: { readonly service: MapNode; readonly times: Times | null }) {
  const t = useMessages('serviceMap').serviceMap
  const at = times ?? {}
  const real = service.type === 'service'
  // Who sends no spans is known by those of its callers.
  const incoming = selector('traces_service_graph_request_total', { server: service.id })
  const latency = selector('traces_service_graph_request_client_seconds', { server: service.id })
  const own = selector('traces_spanmetrics_calls_total', { service: service.id })
  const durations = selector('traces_spanmetrics_duration_seconds', { service: service.id })
  const metrics = real
    ? [
        `sum by (span_name, status_code) (rate(${own}[2m]))`,
        `histogram_quantile(0.95, sum by (span_name) (rate(${durations}[2m])))`,
      ]
    : [
        `sum by (client) (rate(${incoming}[2m]))`,
        `histogram_quantile(0.95, sum by (client) (rate(${latency}[2m])))`,
      ]
  const spans = real ? [serviceIs(service.id)] : null
  return (
    <div className={styles.ways}>
      {spans !== null && (
        <>
          <Way to="/traces" search={{ q: filterOf(spans), ...at }} icon={<IconSearch size={14} />}>
            {t.traces}
          </Way>
          <Way
            to="/traces"
            search={{ q: filterOf([...spans, failed]), ...at }}
            icon={<IconAlertTriangle size={14} />}
          >
            {t.failures}
          </Way>
        </>
      )}
      <Way to="/explore" search={{ q: metrics, ...at }} icon={<IconChartLine size={14} />}>
        {t.metrics}
      </Way>
      {real && (
        <Way
          to="/logs"
          search={{ q: `{service_name=${quote(service.id)}}`, ...at }}
          icon={<IconLogs size={14} />}
        >
          {t.logs}
        </Way>
      )}
    </div>
  )
}

interface CallWaysProps {
  readonly edge: MapEdge
  readonly times: Times | null
  readonly onService: (id: string) => void
}

function CallWays({ edge, times, onService }: CallWaysProps) {
  const t = useMessages('serviceMap').serviceMap
  const at = times ?? {}
  const of = { client: edge.from, server: edge.to }
  const total = selector('traces_service_graph_request_total', of)
  const failures = selector('traces_service_graph_request_failed_total', of)
  const side = edge.connection === '' || edge.connection === 'messaging_system' ? 'server' : 'client'
  const seconds = selector(`traces_service_graph_request_${side}_seconds`, of)
  const caller = filterOf([serviceIs(edge.from)])
  const query = side === 'server' ? `${caller} > ${filterOf([serviceIs(edge.to)])}` : caller
  const folded = edge.from.startsWith('group:') || edge.to.startsWith('group:')
  return (
    <div className={styles.ways}>
      {!folded && (
        <>
          {edge.from !== 'user' && (
            <Way to="/traces" search={{ q: query, show: 'spans', ...at }} icon={<IconSearch size={14} />}>
              {t.traces}
            </Way>
          )}
          <Way
            to="/explore"
            search={{
              q: [
                `sum(rate(${total}[2m]))`,
                `sum(rate(${failures}[2m]))`,
                `histogram_quantile(0.95, sum(rate(${seconds}[2m])))`,
              ],
              ...at,
            }}
            icon={<IconChartLine size={14} />}
          >
            {t.metrics}
          </Way>
        </>
      )}
      <Button variant="default" onClick={() => onService(edge.from)}>
        {t.toCaller}
      </Button>
      <Button variant="default" onClick={() => onService(edge.to)}>
        {t.toCalled}
      </Button>
    </div>
  )
}
