import { Skeleton } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { getRouteApi, Link } from '@tanstack/react-router'
import { headStatusOf, labelNames, labelValues } from '@/api/catalog'
import { queryVector } from '@/api/query'
import type { NamedCount } from '@/api/types'
import { useMessages } from '@/i18n'
import { selector } from '@/lib/matcher'
import { formatCount, type Unit } from '@/lib/units'
import { Ranked } from './Ranked'
import styles from './StatusPage.module.css'
import { Tile } from './StorageTab'

const route = getRouteApi('/status')
const rowsMax = 25

/** Who brings so many series: from the whole store to a metric, to a label, to a value, to Explore. */
export function CardinalityTab() {
  const { metric, label } = route.useSearch()
  if (metric === undefined) return <Overview />
  return (
    <div className={styles.stack}>
      <Path metric={metric} label={label} />
      {label === undefined ? <LabelsOf metric={metric} /> : <ValuesOf metric={metric} label={label} />}
    </div>
  )
}

function Path({ metric, label }: { readonly metric: string; readonly label: string | undefined }) {
  const t = useMessages('status')
  const navigate = route.useNavigate()
  const go = (search: { metric?: string }) => void navigate({ search: { tab: 'cardinality', ...search } })
  return (
    <nav className={styles.path} aria-label={t.status.cardinality}>
      <button type="button" onClick={() => go({})}>
        {t.status.allMetrics}
      </button>
      <span aria-hidden>›</span>
      <button type="button" className="mono" onClick={() => go({ metric })}>
        {metric}
      </button>
      {label !== undefined && (
        <>
          <span aria-hidden>›</span>
          <code className="mono">{label}</code>
        </>
      )}
      <Link to="/explore" search={{ q: [selector(metric, {})] }}>
        {t.common.openInExplore}
      </Link>
    </nav>
  )
}

function Overview() {
  const t = useMessages('status')
  const s = t.status
  const navigate = route.useNavigate()
  const head = useQuery({
    queryKey: ['tsdb-status'],
    queryFn: ({ signal }) => headStatusOf(rowsMax, signal),
    refetchInterval: 10_000,
  })
  if (head.data === undefined)
    return head.error === null ? <Skeleton height={300} /> : <p className={styles.hint}>{s.missing}</p>
  const { seriesByMetric, valuesByLabel, seriesByPair, memoryByLabel, series, labelPairs, chunks } = head.data
  const lists: readonly (readonly [string, readonly NamedCount[], Unit, ((name: string) => void)?])[] = [
    [
      s.topMetrics,
      seriesByMetric,
      'short',
      (metric) => void navigate({ search: { tab: 'cardinality', metric } }),
    ],
    [s.topLabels, valuesByLabel, 'short'],
    [s.topPairs, seriesByPair, 'short'],
    [s.topMemory, memoryByLabel, 'bytes'],
  ]
  return (
    <div className={styles.stack}>
      <div className={styles.tiles}>
        <Tile title={s.head.series} value={formatCount(series)} />
        <Tile title={s.head.pairs} value={formatCount(labelPairs)} />
        <Tile title={s.head.chunks} value={formatCount(chunks)} />
      </div>
      <p className={styles.hint}>{s.drillMetric}</p>
      <div className={styles.lists}>
        {lists.map(([title, rows, unit, onPick]) => (
          <section key={title} className={styles.panel}>
            <h2>{title}</h2>
            <Ranked rows={rows} unit={unit} {...(onPick === undefined ? {} : { onPick })} />
          </section>
        ))}
      </div>
    </div>
  )
}

function LabelsOf({ metric }: { readonly metric: string }) {
  const t = useMessages('status')
  const navigate = route.useNavigate()
  const match = selector(metric, {})
  const labels = useQuery({
    queryKey: ['cardinality-labels', metric],
    queryFn: async ({ signal }): Promise<NamedCount[]> => {
      const names = (await labelNames(match, signal)).filter((name) => name !== '__name__')
      const counted = await Promise.all(
        names.map(async (name) => ({ name, value: (await labelValues(name, match, signal)).length })),
      )
      return counted.sort((a, b) => b.value - a.value)
    },
  })
  return (
    <section className={styles.panel}>
      <h2>{t.status.metricLabels(metric)}</h2>
      <Ranked
        rows={labels.data ?? []}
        unit="short"
        suffix={t.status.distinct}
        onPick={(label) => void navigate({ search: { tab: 'cardinality', metric, label } })}
      />
    </section>
  )
}

/** Values listed for a label; past this the shape of the problem is plain. */
const valuesMax = 100

function ValuesOf({ metric, label }: { readonly metric: string; readonly label: string }) {
  const t = useMessages('status')
  const plain = /^[a-zA-Z_][a-zA-Z0-9_]*$/.test(label) ? label : JSON.stringify(label)
  // Of what is in memory, as the lists that lead here: series that just ended count too.
  const expr = `topk(${valuesMax}, count by (${plain}) (present_over_time(${selector(metric, {})}[2h])))`
  const values = useQuery({
    queryKey: ['cardinality-values', expr],
    queryFn: async ({ signal }): Promise<NamedCount[]> =>
      (await queryVector(expr, undefined, signal)).map((s) => ({
        name: s.metric[label] ?? '',
        value: s.value ?? 0,
      })),
  })
  return (
    <section className={styles.panel}>
      <h2>{t.status.labelValues(label)}</h2>
      <Ranked rows={values.data ?? []} unit="short" link={(value) => selector(metric, { [label]: value })} />
    </section>
  )
}
