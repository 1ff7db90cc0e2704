import { Button, SegmentedControl, TextInput } from '@mantine/core'
import { IconRadar2 } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { getRouteApi } from '@tanstack/react-router'
import { useMemo, useState } from 'react'
import { targets } from '@/api/catalog'
import type { ActiveTarget } from '@/api/types'
import { CodeBlock } from '@/components/CodeBlock'
import { Message } from '@/components/Message'
import { useMessages } from '@/i18n'
import { liveKey } from '@/state/live'
import { DroppedPools } from './DroppedPools'
import styles from './TargetsPage.module.css'
import { TargetPool } from './TargetPool'

const route = getRouteApi('/targets')

function matches(target: ActiveTarget, wanted: string): boolean {
  if (wanted === '') return true
  const labels = Object.entries(target.labels).map(([name, value]) => `${name}="${value}"`)
  return `${target.url} ${target.lastError} ${labels.join(' ')}`.toLowerCase().includes(wanted.toLowerCase())
}

/** What is scraped, and whether it answers. */
export function TargetsPage() {
  const t = useMessages('targets')
  const x = t.targets
  const { filter = '', health } = route.useSearch()
  const navigate = route.useNavigate()
  const [closed, setClosed] = useState<ReadonlySet<string>>(new Set())
  const found = useQuery({ queryKey: [liveKey, 'targets'], queryFn: ({ signal }) => targets(signal) })
  const active = useMemo(() => found.data?.active ?? [], [found.data])
  const shown = useMemo(
    () =>
      active.filter(
        (target) => matches(target, filter) && (health === undefined || target.health === health),
      ),
    [active, filter, health],
  )
  const pools = useMemo(() => {
    const byName = new Map<string, ActiveTarget[]>()
    for (const target of shown) byName.set(target.pool, [...(byName.get(target.pool) ?? []), target])
    return [...byName].sort(([a], [b]) => a.localeCompare(b))
  }, [shown])
  const dropped = found.data?.dropped ?? []
  const count = (kind: string) => active.filter((target) => target.health === kind).length
  const setSearch = (change: { filter?: string | undefined; health?: typeof health }) =>
    void navigate({ search: (old) => ({ ...old, ...change }), replace: true })

  if (found.data !== undefined && active.length === 0 && dropped.length === 0) return <NoTargets />
  return (
    <div className={styles.page}>
      <header className={styles.header}>
        <h1>{x.title}</h1>
        {active.length > 0 && <span className="muted tnum">{x.healthy(count('up'), active.length)}</span>}
      </header>
      <div className={styles.tools}>
        <TextInput
          data-main-input
          className={styles.filter}
          placeholder={x.filter}
          aria-label={x.filter}
          value={filter}
          onChange={(event) => setSearch({ filter: event.currentTarget.value || undefined })}
        />
        <SegmentedControl
          size="xs"
          aria-label={x.state}
          value={health ?? 'all'}
          onChange={(value) => setSearch({ health: value === 'all' ? undefined : value })}
          data={[
            { value: 'all', label: `${t.common.all} ${active.length}` },
            { value: 'up', label: `${x.up} ${count('up')}` },
            { value: 'down', label: `${x.down} ${count('down')}` },
            { value: 'unknown', label: `${x.unknown} ${count('unknown')}` },
            { value: 'dropped', label: `${x.dropped} ${dropped.length}` },
          ]}
        />
        <Button
          display={health === 'dropped' ? 'none' : undefined}
          variant="subtle"
          color="gray"
          onClick={() => setClosed(closed.size === 0 ? new Set(pools.map(([name]) => name)) : new Set())}
        >
          {closed.size === 0 ? x.collapseAll : x.expandAll}
        </Button>
      </div>
      {health === 'dropped' ? (
        <DroppedPools dropped={dropped} filter={filter} />
      ) : (
        pools.map(([name, members]) => (
          <TargetPool
            key={name}
            name={name}
            members={members}
            open={!closed.has(name)}
            onToggle={() => {
              const next = new Set(closed)
              if (!next.delete(name)) next.add(name)
              setClosed(next)
            }}
          />
        ))
      )}
      {found.data !== undefined && health !== 'dropped' && shown.length === 0 && (
        <p className="muted">{x.noMatch}</p>
      )}
    </div>
  )
}

const example = `# watchfire.yml
scrape_configs:
  - job_name: my-service
    scrape_interval: 5s
    static_configs:
      - targets: ['10.0.0.5:8080', '10.0.0.6:8080']

  - job_name: from-files
    file_sd_configs:
      - files: ['targets/*.yaml']`

/** Nothing is configured yet: the shortest way to the first target. */
function NoTargets() {
  const x = useMessages('targets').targets
  return (
    <Message icon={<IconRadar2 size={44} stroke={1.3} />} title={x.empty}>
      <p>{x.emptyHint}</p>
      <CodeBlock text={example} language="yaml" />
      <p>{x.emptyCommand}</p>
      <CodeBlock text="watchfire serve --config watchfire.yml" language="text" />
    </Message>
  )
}
