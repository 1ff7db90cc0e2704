import { quote, selector } from './matcher'
import type { Unit } from './units'

/** A chart of what an entity does. */
export interface HealthChart {
  readonly key:
    | 'rate'
    | 'errors'
    | 'latency'
    | 'callers'
    | 'callErrors'
    | 'callLatency'
    | 'cpu'
    | 'memory'
    | 'disk'
    | 'network'
    | 'load'
    | 'up'
  readonly expr: string
  readonly unit: Unit
  /** The label that tells its lines apart. */
  readonly by: string
  readonly max?: number
}

const quantiles = [0.5, 0.95, 0.99]

const quantilesOf = (histogram: string, window: string): string =>
  quantiles
    .map(
      (q) =>
        `label_replace(histogram_quantile(${q}, sum(rate(${histogram}[${window}]))), "quantile", "p${q * 100}", "", "")`,
    )
    .join('\n  or\n')

/** Rate, failures and durations of spans of a service or an operation, as counted of all of them. */
function red(labels: Readonly<Record<string, string>>, window: string): HealthChart[] {
  const calls = selector('traces_spanmetrics_calls_total', labels)
  const failed = selector('traces_spanmetrics_calls_total', { ...labels, status_code: 'STATUS_CODE_ERROR' })
  const durations = selector('traces_spanmetrics_duration_seconds', labels)
  return [
    {
      key: 'rate',
      expr: `sum by (span_kind) (rate(${calls}[${window}]))`,
      unit: 'per-second',
      by: 'span_kind',
    },
    {
      key: 'errors',
      expr: `(sum(rate(${failed}[${window}])) or 0 * sum(rate(${calls}[${window}]))) / sum(rate(${calls}[${window}]))`,
      unit: 'ratio',
      by: '',
      max: 0.01,
    },
    { key: 'latency', expr: quantilesOf(durations, window), unit: 'seconds', by: 'quantile' },
  ]
}

/** What callers see of a database or a queue that sends no spans itself. */
function called(server: string, window: string): HealthChart[] {
  const requests = selector('traces_service_graph_request_total', { server })
  const failed = selector('traces_service_graph_request_failed_total', { server })
  const durations = selector('traces_service_graph_request_client_seconds', { server })
  return [
    {
      key: 'callers',
      expr: `sum by (client) (rate(${requests}[${window}]))`,
      unit: 'per-second',
      by: 'client',
    },
    {
      key: 'callErrors',
      expr: `sum by (client) (rate(${failed}[${window}]))`,
      unit: 'per-second',
      by: 'client',
    },
    { key: 'callLatency', expr: quantilesOf(durations, window), unit: 'seconds', by: 'quantile' },
  ]
}

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')

/** The machines of a name, as node_exporter and its like report them; by it the instances of a host are found. */
export function instancesQuery(host: string): string {
  const like = `${escaped(host)}(:[0-9]+)?`
  return `group by (instance, job) (node_uname_info{nodename=${quote(host)}} or node_load1{instance=~${quote(like)}})`
}

/** A machine as node_exporter and the agent measure it. */
function machine(where: string, window: string): HealthChart[] {
  return [
    {
      key: 'cpu',
      expr: `1 - avg(rate(node_cpu_seconds_total{mode="idle",${where}}[${window}]))`,
      unit: 'ratio',
      by: '',
      max: 1,
    },
    {
      key: 'memory',
      expr: `1 - sum(node_memory_MemAvailable_bytes{${where}}) / sum(node_memory_MemTotal_bytes{${where}})`,
      unit: 'ratio',
      by: '',
      max: 1,
    },
    {
      key: 'disk',
      expr: `1 - min by (mountpoint) (node_filesystem_avail_bytes{fstype!~"tmpfs|ramfs|rootfs|squashfs|overlay|iso9660|devtmpfs|nsfs",${where}} / node_filesystem_size_bytes)`,
      unit: 'ratio',
      by: 'mountpoint',
      max: 1,
    },
    { key: 'load', expr: `node_load1{${where}}`, unit: 'short', by: '' },
  ]
}

/** Containers of a pod, or one, as the kubelet reports them. */
function containers(labels: Readonly<Record<string, string>>, window: string): HealthChart[] {
  const cpu = selector('container_cpu_usage_seconds_total', labels)
  const memory = selector('container_memory_working_set_bytes', labels)
  return [
    { key: 'cpu', expr: `sum by (container) (rate(${cpu}[${window}]))`, unit: 'short', by: 'container' },
    { key: 'memory', expr: `sum by (container) (${memory})`, unit: 'bytes', by: 'container' },
  ]
}

export interface ChartedEntity {
  readonly type: string
  readonly id: string
  readonly name: string
  /** Selectors of its series. */
  readonly metrics: readonly string[]
  /** Conditions of the series of a host: its instances and their jobs. */
  readonly instances: string | null
}

/** What shows how an entity of a type does; charts without data are left out by who draws them. */
export function healthCharts(entity: ChartedEntity, window: string): readonly HealthChart[] {
  const { type, id, name } = entity
  switch (type) {
    case 'service':
      return red({ service: name }, window)
    case 'endpoint': {
      const cut = id.indexOf('/')
      return red({ service: id.slice(0, cut), span_name: id.slice(cut + 1) }, window)
    }
    case 'host':
    case 'node':
      return entity.instances === null ? [] : machine(entity.instances, window)
    case 'pod':
      return containers({ pod: name }, window)
    case 'container': {
      const pieces = id.split('/')
      const pod = pieces.length >= 3 ? pieces[pieces.length - 2] : undefined
      return containers({ container: name, ...(pod === undefined ? {} : { pod }) }, window)
    }
    case 'database': {
      // The service graph calls it by its name, or by its system.
      const pieces = id.split('/')
      return called(pieces[pieces.length - 1] ?? name, window)
    }
    case 'queue':
      return called(name, window)
    case 'instance': {
      const own = entity.metrics[0]
      if (own === undefined) return []
      const inside = own.slice(1, -1)
      return [
        { key: 'up', expr: `up{${inside}}`, unit: 'short', by: '', max: 1 },
        {
          key: 'cpu',
          expr: `rate(process_cpu_seconds_total{${inside}}[${window}])`,
          unit: 'short',
          by: '',
        },
        { key: 'memory', expr: `process_resident_memory_bytes{${inside}}`, unit: 'bytes', by: '' },
      ]
    }
    default:
      return []
  }
}
