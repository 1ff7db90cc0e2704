import { Button, Skeleton } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { IconRoute } from '@tabler/icons-react'
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { getRouteApi, Link } from '@tanstack/react-router'
import { useMemo, useState } from 'react'
import { ApiError } from '@/api/http'
import { routingTree, testRoute, type RouteNode } from '@/api/routing'
import { CodeBlock } from '@/components/CodeBlock'
import { Message } from '@/components/Message'
import { useMessages } from '@/i18n'
import { labelsIn } from '@/lib/labelText'
import { ErrorNote } from './parts'
import { RouteTester } from './RouteTester'
import styles from './RoutesTab.module.css'
import { RouteTree } from './RouteTree'
import { alertsKey, useCurrent, useRefreshByHand } from './useAlerts'
import { useConfigFile } from '@/state/configFile'

const route = getRouteApi('/alerts')

const restMs = 200

/** The nodes from the root down to those at which an alert ends up. */
function pathTo(routes: readonly RouteNode[], hits: ReadonlySet<number>): Set<number> {
  const above = new Map(routes.flatMap(({ id, below }) => below.map((child) => [child, id] as const)))
  const path = new Set<number>()
  for (const hit of hits)
    for (let at: number | undefined = hit; at !== undefined; at = above.get(at)) path.add(at)
  return path
}

/** Who is told of which alerts: the tree of routes, and a way to try it. */
export function RoutesTab() {
  const a = useMessages('alerts').alerts
  const r = a.routes
  const { labels: text = '' } = route.useSearch()
  const navigate = route.useNavigate()
  useRefreshByHand()
  const found = useCurrent(['routes'], routingTree)
  const [settled] = useDebouncedValue(text, restMs)
  const labels = useMemo(() => labelsIn(settled), [settled])
  const asked = labels !== null && Object.keys(labels).length > 0
  const tested = useQuery({
    queryKey: [alertsKey, 'route-test', labels],
    enabled: asked,
    placeholderData: keepPreviousData,
    queryFn: ({ signal }) => testRoute(labels ?? {}, signal),
  })
  const test = asked ? tested.data : undefined
  const tree = found.data
  const hits = useMemo(() => new Set(test?.routes.map(({ id }) => id) ?? []), [test])
  const path = useMemo(() => pathTo(tree?.routes ?? [], hits), [tree, hits])
  const [closed, setClosed] = useState<ReadonlySet<number>>(new Set())

  if (tree === undefined) {
    if (found.error === null) return <Skeleton height={240} />
    const missing = found.error instanceof ApiError && found.error.kind === 'missing'
    return <ErrorNote text={missing ? a.unknown : found.error.message} />
  }
  const parents = tree.routes.filter(({ id, below }) => id !== 0 && below.length > 0)
  return (
    <div className={styles.page}>
      {tree.configFile === null && <NobodyTold />}
      <RouteTester
        text={text}
        test={test}
        receivers={tree.receivers}
        error={asked ? tested.error : null}
        mistaken={labels === null}
        onText={(next) =>
          void navigate({
            search: (old) => ({ ...old, labels: next || undefined }),
            replace: true,
            resetScroll: false,
          })
        }
      />
      <section className={styles.tree} aria-label={r.tree}>
        <header>
          <h2>{r.tree}</h2>
          <span className="muted">
            {tree.configFile !== null && `${r.file(tree.configFile)} · `}
            {tree.inhibitRules > 0 && `${r.inhibitRules(tree.inhibitRules)} · `}
            <Link to="/alerts" search={{ tab: 'deliveries' }}>
              {a.deliveries.receivers} {tree.receivers.length}
            </Link>
          </span>
          {parents.length > 0 && (
            <Button
              variant="subtle"
              color="gray"
              onClick={() => setClosed(closed.size > 0 ? new Set() : new Set(parents.map(({ id }) => id)))}
            >
              {closed.size > 0 ? r.expand : r.fit}
            </Button>
          )}
        </header>
        <p className="muted">{r.treeHint}</p>
        <RouteTree
          routes={tree.routes}
          receivers={tree.receivers}
          path={path}
          hits={hits}
          tested={test !== undefined}
          closed={closed}
          onToggle={(id) => {
            const next = new Set(closed)
            if (!next.delete(id)) next.add(id)
            setClosed(next)
          }}
        />
      </section>
    </div>
  )
}

const snippet = (file: string) => `# ${file}
alerting: {config_file: alertmanager.yml}

# alertmanager.yml
route:
  receiver: team
  group_by: [alertname]
  routes:
    - matchers: [severity="page"]
      receiver: on-call
      repeat_interval: 1h
receivers:
  - name: team
    webhook_configs: [{url: 'http://hooks.example.org/team'}]
  - name: on-call
    webhook_configs: [{url: 'http://hooks.example.org/on-call'}]`

function NobodyTold() {
  const r = useMessages('alerts').alerts.routes
  const file = useConfigFile()
  const commands = [
    'watchfire check alertmanager alertmanager.yml',
    `curl -X POST ${window.location.origin}/-/reload`,
  ]
  return (
    <Message icon={<IconRoute size={44} stroke={1.3} />} title={r.empty}>
      <p>{r.emptyHint}</p>
      <CodeBlock text={snippet(file)} language="yaml" />
      <p>{r.reload}</p>
      <CodeBlock text={commands.join('\n')} language="text" />
    </Message>
  )
}
