import { counted } from './plural'
import type { NodeType } from '@/lib/map/graph'
import type { MapGrouping } from '@/state/traceSearch'

const types: Readonly<Record<NodeType, string>> = {
  service: 'service',
  user: 'who begins traces',
  database: 'database',
  messaging: 'queue',
  external: 'outside service',
  group: 'group',
}

const groupings: Readonly<Record<MapGrouping, string>> = {
  none: 'Not grouped',
  type: 'By type',
  prefix: 'By beginning of name',
  namespace: 'By service.namespace',
  k8s: 'By Kubernetes namespace',
  environment: 'By environment',
}

const connections: Readonly<Record<string, string>> = {
  database: 'database',
  messaging_system: 'queue',
  virtual_node: 'seen from one side',
}

/** Which services call which. */
export const serviceMap = {
  title: 'Service map',
  find: 'Find a service',
  grouping: 'Grouping',
  groupings,
  foldGroups: 'Fold groups',
  focus: 'Focus',
  all: 'All',
  hops: (n: number) => (n === 1 ? '1 call away' : counted(n, 'call')),
  summary: (services: string, calls: string) => `${counted(services, 'service')}, ${calls} kinds of call`,
  found: (n: number) => `${n} found`,
  view: 'Appearance',
  map: 'Map',
  table: 'Table',
  types,
  connection: (name: string): string => connections[name] ?? 'request',
  drawing: (services: number, calls: number) =>
    `Map of ${counted(services, 'service')} and ${calls} kinds of call`,
  node: (name: string, type: string, rate: string, errors: string, p95: string) =>
    `${name}, ${type}: ${rate}, ${errors} failed, p95 ${p95}`,
  edge: (from: string, to: string, rate: string, errors: string, p95: string) =>
    `${from} calls ${to}: ${rate}, ${errors} failed, p95 ${p95}`,
  zoomIn: 'Larger',
  zoomOut: 'Smaller',
  fit: 'Show all',
  travel: 'Calls over time',
  slider: 'Moment shown on the map',
  wholeRange: 'The map shows the whole range; move the slider to see a moment of it.',
  window: (from: string, to: string) => `The map shows ${from} to ${to.slice(11)}`,
  windowLength: 'Length of a moment',
  backToRange: 'Whole range',
  allCalls: 'calls',
  failed: 'failed',
  detail: 'Details',
  rate: 'Rate',
  requests: 'Calls',
  errors: 'Failed',
  callers: 'Called by',
  called: 'Calls',
  groupNote: 'Durations are those of its slowest service.',
  unfold: 'Show its services',
  traces: 'Traces',
  failures: 'Failures',
  metrics: 'Metrics',
  logs: 'Logs',
  toCaller: 'To the caller',
  toCalled: 'To the called',
  services: 'Services',
  callsTitle: 'Calls between services',
  service: 'Service',
  type: 'Type',
  caller: 'Caller',
  calledOne: 'Called',
  via: 'Kind',
  nothing: 'No calls between services in this range',
  nothingHint:
    'The map is drawn from spans whose caller and called arrive within ten seconds of each other, counted as they arrive. Spans of the past that arrive now count now.',
  toSearch: 'Search for traces',
}
