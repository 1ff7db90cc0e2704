import type { Language } from '@/i18n'

/**
 * A question people come with. Its query is written for the metrics that are there: the first of `forms` whose metrics
 * all exist is the one shown, and without any the question is not offered.
 */
interface Question {
  readonly title: Readonly<Record<Language, string>>
  readonly forms: readonly Form[]
}

interface Form {
  /** Patterns of metric names; each must match a metric. */
  readonly needs: readonly RegExp[]
  /** The query, given the metrics that matched. */
  readonly query: (...names: string[]) => string
}

export interface Example {
  readonly title: string
  readonly expr: string
}

/** A form that needs certain metrics by name. */
const exact = (query: string, ...names: string[]): Form => ({
  needs: names.map((name) => new RegExp(`^${name}$`)),
  query: () => query,
})

/** Counters of requests, those of services before those of the monitoring itself. */
const requests = /^(?!watchfire_|prometheus_|promhttp_).*requests?_total$/
const requestSeconds = /^(?!watchfire_|prometheus_).*(request|rpc|http)\w*_(duration|latency)_seconds/

const questions: readonly Question[] = [
  {
    title: { en: 'Requests per second by service', zh: '各服务每秒请求数' },
    forms: [
      { needs: [requests], query: (name) => `sum by (job) (rate(${name}[5m]))` },
      {
        needs: [/^(?!watchfire_|prometheus_).*request\w*_seconds_count$/],
        query: (name) => `sum by (job) (rate(${name}[5m]))`,
      },
      exact('sum by (handler) (rate(watchfire_http_requests_total[5m]))', 'watchfire_http_requests_total'),
      exact('sum by (handler) (rate(prometheus_http_requests_total[5m]))', 'prometheus_http_requests_total'),
    ],
  },
  {
    title: { en: 'Which share of requests fails?', zh: '请求失败的比例' },
    forms: [
      {
        needs: [requests],
        query: (name) => `sum by (job) (rate(${name}{code=~"5.."}[5m])) / sum by (job) (rate(${name}[5m]))`,
      },
      exact(
        'sum(rate(watchfire_http_requests_total{code=~"5.."}[5m])) / sum(rate(watchfire_http_requests_total[5m]))',
        'watchfire_http_requests_total',
      ),
      exact(
        'sum(rate(prometheus_http_requests_total{code=~"5.."}[5m])) / sum(rate(prometheus_http_requests_total[5m]))',
        'prometheus_http_requests_total',
      ),
    ],
  },
  {
    title: { en: 'How slow is the slowest 1 % of requests?', zh: '最慢的 1% 请求有多慢（p99）？' },
    forms: [
      {
        needs: [new RegExp(`${requestSeconds.source}_bucket$`)],
        query: (name) => `histogram_quantile(0.99, sum by (le, job) (rate(${name}[5m])))`,
      },
      {
        needs: [new RegExp(`${requestSeconds.source}$`)],
        query: (name) => `histogram_quantile(0.99, sum by (job) (rate(${name}[5m])))`,
      },
      exact(
        'histogram_quantile(0.99, sum by (le, handler) (rate(watchfire_http_request_duration_seconds_bucket[5m])))',
        'watchfire_http_request_duration_seconds_bucket',
      ),
      exact(
        'histogram_quantile(0.99, sum by (le, handler) (rate(prometheus_http_request_duration_seconds_bucket[5m])))',
        'prometheus_http_request_duration_seconds_bucket',
      ),
    ],
  },
  {
    title: { en: 'How busy are the cores?', zh: 'CPU 有多忙？' },
    forms: [
      exact(
        'sum by (instance, mode) (rate(node_cpu_seconds_total{mode!="idle"}[5m]))',
        'node_cpu_seconds_total',
      ),
    ],
  },
  {
    title: { en: 'How much memory is left?', zh: '还剩多少内存？' },
    forms: [exact('node_memory_MemAvailable_bytes', 'node_memory_MemAvailable_bytes')],
  },
  {
    title: { en: 'Which disks are saturated?', zh: '哪些磁盘饱和了？' },
    forms: [exact('topk(10, rate(node_disk_io_time_seconds_total[5m]))', 'node_disk_io_time_seconds_total')],
  },
  {
    title: { en: 'Which disks are full in a day?', zh: '哪些磁盘一天内会写满？' },
    forms: [
      exact('predict_linear(node_filesystem_avail_bytes[6h], 86400) < 0', 'node_filesystem_avail_bytes'),
    ],
  },
  {
    title: { en: 'Who waits for CPU, memory or disks?', zh: '谁在等待 CPU、内存或磁盘？' },
    forms: [
      exact(
        'rate({__name__=~"node_pressure_(cpu|io|memory)_waiting_seconds_total"}[5m])',
        'node_pressure_cpu_waiting_seconds_total',
      ),
    ],
  },
  {
    title: { en: 'Which processes use most CPU?', zh: '哪些进程最耗 CPU？' },
    forms: [
      exact(
        'topk(10, sum by (groupname) (rate(namedprocess_namegroup_cpu_seconds_total[5m])))',
        'namedprocess_namegroup_cpu_seconds_total',
      ),
      exact('topk(10, rate(process_cpu_seconds_total[5m]))', 'process_cpu_seconds_total'),
    ],
  },
  {
    title: { en: 'Which processes hold most memory?', zh: '哪些进程最耗内存？' },
    forms: [
      exact(
        'topk(10, sum by (groupname) (namedprocess_namegroup_memory_bytes{memtype="resident"}))',
        'namedprocess_namegroup_memory_bytes',
      ),
      exact('topk(10, process_resident_memory_bytes)', 'process_resident_memory_bytes'),
    ],
  },
  {
    title: { en: 'Which containers use most memory?', zh: '哪些容器最耗内存？' },
    forms: [exact('topk(10, container_memory_working_set_bytes)', 'container_memory_working_set_bytes')],
  },
  {
    title: { en: 'Who sends and receives?', zh: '谁在收发数据？' },
    forms: [
      exact('rate(node_network_receive_bytes_total{device!="lo"}[5m])', 'node_network_receive_bytes_total'),
    ],
  },
  {
    title: { en: 'Is the load above the core count?', zh: '负载超过核数了吗？' },
    forms: [
      exact(
        'node_load1 / on (instance, job) group_left () count by (instance, job) (node_cpu_seconds_total{mode="idle"})',
        'node_load1',
        'node_cpu_seconds_total',
      ),
    ],
  },
  {
    title: { en: 'What changed against an hour ago?', zh: '与一小时前相比有何变化？' },
    forms: [
      {
        needs: [requests],
        query: (name) => `sum by (job) (rate(${name}[5m])) / sum by (job) (rate(${name}[5m] offset 1h)) - 1`,
      },
      exact('node_load5 - node_load5 offset 1h', 'node_load5'),
    ],
  },
  {
    title: { en: 'What was restarted within the hour?', zh: '一小时内谁重启过？' },
    forms: [
      exact('changes(process_start_time_seconds[1h]) > 0', 'process_start_time_seconds'),
      exact('changes(node_boot_time_seconds[1h]) > 0', 'node_boot_time_seconds'),
    ],
  },
  {
    title: { en: 'Which targets are down?', zh: '哪些采集目标失联？' },
    forms: [exact('up == 0', 'up')],
  },
  {
    title: { en: 'Which metrics have most series?', zh: '哪些指标的序列最多？' },
    forms: [{ needs: [], query: () => 'topk(10, count by (__name__) ({__name__!=""}))' }],
  },
]

/** One pattern for all metrics that any question needs, for a single request to the server. */
export const wantedMetrics = [
  ...new Set(
    questions.flatMap(({ forms }) => forms.flatMap(({ needs }) => needs.map((need) => bareSource(need)))),
  ),
].join('|')

/** A pattern as PromQL writes it: anchored already, and without looking ahead. */
function bareSource(pattern: RegExp): string {
  return pattern.source
    .replace(/\(\?![^)]*\)/g, '')
    .replace(/^\^/, '')
    .replace(/\$$/, '')
    .replace(/\\w/g, '[a-zA-Z0-9_]')
}

/** The questions that these metrics can answer, each with its query. */
export function examplesFor(metrics: readonly string[], language: Language): Example[] {
  const sorted = [...metrics].sort((a, b) => a.length - b.length || a.localeCompare(b))
  return questions.flatMap(({ title, forms }) => {
    for (const { needs, query } of forms) {
      const found = needs.map((need) => sorted.find((name) => need.test(name)))
      const names = found.filter((name) => name !== undefined)
      if (names.length === needs.length) return [{ title: title[language], expr: query(...names) }]
    }
    return []
  })
}
