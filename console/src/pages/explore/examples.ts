import type { Messages } from '@/i18n'

type Intent = keyof Messages['explore']['exampleTitles']

/** Questions people come with, and the query that answers each. */
export const examples: readonly { readonly intent: Intent; readonly expr: string }[] = [
  { intent: 'cpu', expr: 'sum by (mode) (rate(node_cpu_seconds_total{mode!="idle"}[1m]))' },
  { intent: 'memory', expr: 'node_memory_MemAvailable_bytes' },
  { intent: 'disk', expr: 'predict_linear(node_filesystem_avail_bytes{mountpoint="/"}[6h], 86400)' },
  { intent: 'io', expr: 'rate(node_disk_io_time_seconds_total[1m])' },
  { intent: 'network', expr: 'rate(node_network_receive_bytes_total{device!="lo"}[1m])' },
  {
    intent: 'load',
    expr: 'node_load1 / on (instance, job) group_left () count by (instance, job) (node_cpu_seconds_total{mode="idle"})',
  },
  { intent: 'up', expr: 'up == 0' },
  { intent: 'top', expr: 'topk(10, count by (__name__) ({__name__!=""}))' },
  { intent: 'change', expr: 'node_load5 - node_load5 offset 1h' },
  {
    intent: 'latency',
    expr: 'histogram_quantile(0.99, sum by (le) (rate(prometheus_http_request_duration_seconds_bucket[5m])))',
  },
]
