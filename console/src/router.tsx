import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  redirect,
  retainSearchParams,
} from '@tanstack/react-router'
import { Crash } from './components/Crash'
import { NotFound } from './components/NotFound'
import { Shell } from './components/shell/Shell'
import { withWords } from './i18n'
import { many, one, oneOf, parseSearch, stringifySearch } from './lib/search'
import { validateAlertsSearch } from './state/alertTabs'
import { client } from './state/client'
import { validateErrorsSearch, validateIssueSearch, validateReleasesSearch } from './state/errorSearch'
import { validateEntitiesSearch, validateEntitySearch } from './state/entitiesSearch'
import { validateEventsSearch } from './state/eventsSearch'
import { hostsOptions } from './state/hosts'
import {
  validateIncidentSearch,
  validateIncidentsSearch,
  validateOncallSearch,
} from './state/incidentsSearch'
import { validateLookoutSearch } from './state/lookoutSearch'
import { validateObjectivesSearch } from './state/objectivesSearch'
import { traceOptions } from './state/trace'
import { statusTabs } from './state/statusTabs'
import { timeSearchKeys, validateTimeSearch } from './state/timeSearch'
import {
  validateCompareSearch,
  validateMapSearch,
  validateTraceSearch,
  validateTracesSearch,
} from './state/traceSearch'

const root = createRootRoute({
  component: Shell,
  notFoundComponent: NotFound,
  validateSearch: validateTimeSearch,
  search: { middlewares: [retainSearchParams([...timeSearchKeys])] },
})

/** Leaves out what is not set, so that the address stays short. */
function present<T extends Record<string, unknown>>(entries: T): { [K in keyof T]?: T[K] | undefined } {
  const kept = Object.entries(entries).filter(([, value]) => value !== undefined)
  return Object.fromEntries(kept) as { [K in keyof T]?: T[K] | undefined }
}

const nonEmpty = (values: string[]): string[] | undefined => (values.length === 0 ? undefined : values)

const machine = createRoute({
  getParentRoute: () => root,
  path: '/',
  // Asked while the screen's code is still on its way; every chart waits for this answer.
  loader: () => void client.query(hostsOptions).catch(() => undefined),
  component: lazyRouteComponent(
    () => withWords(import('./pages/machine/MachinePage'), 'machine'),
    'MachinePage',
  ),
})

const explore = createRoute({
  getParentRoute: () => root,
  path: '/explore',
  validateSearch: (search: Record<string, unknown>) =>
    present({
      q: nonEmpty(many(search.q)),
      hide: one(search.hide),
      view: oneOf(search.view, ['graph', 'table', 'raw'] as const),
      style: oneOf(search.style, ['line', 'stacked', 'points'] as const),
      unit: one(search.unit),
      step: one(search.step),
    }),
  component: lazyRouteComponent(
    () => withWords(import('./pages/explore/ExplorePage'), 'explore', 'related'),
    'ExplorePage',
  ),
})

const logs = createRoute({
  getParentRoute: () => root,
  path: '/logs',
  validateSearch: (search: Record<string, unknown>) =>
    present({
      q: one(search.q),
      col: nonEmpty(many(search.col)),
      view: oneOf(search.view, ['line', 'wrap', 'json'] as const),
      order: oneOf(search.order, ['newest', 'oldest'] as const),
      line: one(search.line),
      tail: oneOf(search.tail, ['1'] as const),
    }),
  component: lazyRouteComponent(
    () => withWords(import('./pages/logs/LogsPage'), 'logs', 'related'),
    'LogsPage',
  ),
})

const traces = createRoute({
  getParentRoute: () => root,
  path: '/traces',
  validateSearch: (search: Record<string, unknown>) => present({ ...validateTracesSearch(search) }),
  component: lazyRouteComponent(() => withWords(import('./pages/traces/TracesPage'), 'traces'), 'TracesPage'),
})

const trace = createRoute({
  getParentRoute: () => root,
  path: '/traces/$id',
  validateSearch: (search: Record<string, unknown>) => present({ ...validateTraceSearch(search) }),
  // Asked while the screen's code is still on its way.
  loader: ({ params }) => void client.query(traceOptions(params.id)).catch(() => undefined),
  component: lazyRouteComponent(
    () => withWords(import('./pages/trace/TracePage'), 'trace', 'traces', 'related'),
    'TracePage',
  ),
})

const traceCompare = createRoute({
  getParentRoute: () => root,
  path: '/traces/compare',
  validateSearch: (search: Record<string, unknown>) => present({ ...validateCompareSearch(search) }),
  component: lazyRouteComponent(
    () => withWords(import('./pages/traceCompare/ComparePage'), 'traceCompare', 'trace', 'traces'),
    'ComparePage',
  ),
})

const serviceMap = createRoute({
  getParentRoute: () => root,
  path: '/traces/map',
  validateSearch: (search: Record<string, unknown>) => present({ ...validateMapSearch(search) }),
  component: lazyRouteComponent(
    () => withWords(import('./pages/serviceMap/ServiceMapPage'), 'serviceMap', 'traces'),
    'ServiceMapPage',
  ),
})

/** Errors are looked at by the day: without a range of its own the address gets one. */
function byDay(to: '/errors' | '/errors/releases') {
  return ({
    search,
  }: {
    readonly search: { readonly from?: string | undefined; readonly to?: string | undefined }
  }) => {
    if (search.from !== undefined || search.to !== undefined) return
    // eslint-disable-next-line @typescript-eslint/only-throw-error -- this is how a route says where to go instead
    throw redirect({ to, search: { ...search, from: 'now-24h', to: 'now' }, replace: true })
  }
}

const errors = createRoute({
  getParentRoute: () => root,
  path: '/errors',
  validateSearch: (search: Record<string, unknown>) => present({ ...validateErrorsSearch(search) }),
  beforeLoad: byDay('/errors'),
  component: lazyRouteComponent(() => withWords(import('./pages/errors/ErrorsPage'), 'inbox'), 'ErrorsPage'),
})

const releases = createRoute({
  getParentRoute: () => root,
  path: '/errors/releases',
  validateSearch: (search: Record<string, unknown>) => present({ ...validateReleasesSearch(search) }),
  beforeLoad: byDay('/errors/releases'),
  component: lazyRouteComponent(
    () => withWords(import('./pages/errors/ReleasesPage'), 'inbox'),
    'ReleasesPage',
  ),
})

const issue = createRoute({
  getParentRoute: () => root,
  path: '/errors/$id',
  validateSearch: (search: Record<string, unknown>) => present({ ...validateIssueSearch(search) }),
  beforeLoad: ({ search, params }) => {
    if (search.from !== undefined || search.to !== undefined) return
    // eslint-disable-next-line @typescript-eslint/only-throw-error -- as above
    throw redirect({
      to: '/errors/$id',
      params,
      search: { ...search, from: 'now-24h', to: 'now' },
      replace: true,
    })
  },
  component: lazyRouteComponent(
    () => withWords(import('./pages/issue/IssuePage'), 'issue', 'inbox', 'related'),
    'IssuePage',
  ),
})

const events = createRoute({
  getParentRoute: () => root,
  path: '/events',
  validateSearch: (search: Record<string, unknown>) => present({ ...validateEventsSearch(search) }),
  component: lazyRouteComponent(
    () => withWords(import('./pages/events/EventsPage'), 'events', 'related'),
    'EventsPage',
  ),
})

const entities = createRoute({
  getParentRoute: () => root,
  path: '/entities',
  validateSearch: (search: Record<string, unknown>) => present({ ...validateEntitiesSearch(search) }),
  component: lazyRouteComponent(
    () => withWords(import('./pages/entities/EntitiesPage'), 'entities', 'related'),
    'EntitiesPage',
  ),
})

const entity = createRoute({
  getParentRoute: () => root,
  path: '/entities/$type',
  validateSearch: (search: Record<string, unknown>) => present({ ...validateEntitySearch(search) }),
  component: lazyRouteComponent(
    () => withWords(import('./pages/entities/EntityPage'), 'entities', 'related'),
    'EntityPage',
  ),
})

const pipelines = createRoute({
  getParentRoute: () => root,
  path: '/pipelines',
  validateSearch: (search: Record<string, unknown>) => present({ name: one(search.name) }),
  component: lazyRouteComponent(
    () => withWords(import('./pages/pipelines/PipelinesPage'), 'pipelines'),
    'PipelinesPage',
  ),
})

const alerts = createRoute({
  getParentRoute: () => root,
  path: '/alerts',
  validateSearch: (search: Record<string, unknown>) => present({ ...validateAlertsSearch(search) }),
  component: lazyRouteComponent(
    () => withWords(import('./pages/alerts/AlertsPage'), 'alerts', 'related'),
    'AlertsPage',
  ),
})

const probes = createRoute({
  getParentRoute: () => root,
  path: '/probes',
  validateSearch: (search: Record<string, unknown>) => present({ ...validateLookoutSearch(search) }),
  component: lazyRouteComponent(
    () => withWords(import('./pages/lookout/LookoutPage'), 'lookout', 'related'),
    'LookoutPage',
  ),
})

const objectives = createRoute({
  getParentRoute: () => root,
  path: '/objectives',
  validateSearch: (search: Record<string, unknown>) => present({ ...validateObjectivesSearch(search) }),
  component: lazyRouteComponent(
    () => withWords(import('./pages/objectives/ObjectivesPage'), 'objectives'),
    'ObjectivesPage',
  ),
})

const newObjective = createRoute({
  getParentRoute: () => root,
  path: '/objectives/new',
  component: lazyRouteComponent(
    () => withWords(import('./pages/objectives/NewObjectivePage'), 'objectives'),
    'NewObjectivePage',
  ),
})

const objective = createRoute({
  getParentRoute: () => root,
  path: '/objectives/$name',
  component: lazyRouteComponent(
    () => withWords(import('./pages/objectives/ObjectivePage'), 'objectives'),
    'ObjectivePage',
  ),
})

const incidents = createRoute({
  getParentRoute: () => root,
  path: '/incidents',
  validateSearch: (search: Record<string, unknown>) => present({ ...validateIncidentsSearch(search) }),
  component: lazyRouteComponent(
    () => withWords(import('./pages/incidents/IncidentsPage'), 'incidents'),
    'IncidentsPage',
  ),
})

const oncall = createRoute({
  getParentRoute: () => root,
  path: '/incidents/oncall',
  validateSearch: (search: Record<string, unknown>) => present({ ...validateOncallSearch(search) }),
  component: lazyRouteComponent(
    () => withWords(import('./pages/incidents/OncallPage'), 'incidents'),
    'OncallPage',
  ),
})

const incident = createRoute({
  getParentRoute: () => root,
  path: '/incidents/$id',
  validateSearch: (search: Record<string, unknown>) => present({ ...validateIncidentSearch(search) }),
  component: lazyRouteComponent(
    () => withWords(import('./pages/incidents/IncidentPage'), 'incidents', 'alerts', 'related'),
    'IncidentPage',
  ),
})

const targets = createRoute({
  getParentRoute: () => root,
  path: '/targets',
  validateSearch: (search: Record<string, unknown>) =>
    present({
      filter: one(search.filter),
      health: oneOf(search.health, ['up', 'down', 'unknown', 'dropped'] as const),
    }),
  component: lazyRouteComponent(
    () => withWords(import('./pages/targets/TargetsPage'), 'targets'),
    'TargetsPage',
  ),
})

const status = createRoute({
  getParentRoute: () => root,
  path: '/status',
  validateSearch: (search: Record<string, unknown>) =>
    present({ tab: oneOf(search.tab, statusTabs), metric: one(search.metric), label: one(search.label) }),
  component: lazyRouteComponent(() => withWords(import('./pages/status/StatusPage'), 'status'), 'StatusPage'),
})

export const router = createRouter({
  routeTree: root.addChildren([
    machine,
    explore,
    logs,
    traces,
    trace,
    traceCompare,
    serviceMap,
    errors,
    releases,
    issue,
    events,
    entities,
    entity,
    alerts,
    incidents,
    oncall,
    incident,
    probes,
    objectives,
    newObjective,
    objective,
    pipelines,
    targets,
    status,
  ]),
  parseSearch,
  stringifySearch,
  defaultErrorComponent: Crash,
  defaultPreload: 'intent',
  scrollRestoration: true,
})

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router
  }
}
