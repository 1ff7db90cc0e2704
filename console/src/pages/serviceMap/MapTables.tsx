import { useMemo } from 'react'
import { VirtualTable, type TableColumn } from '@/components/VirtualTable'
import { useMessages, type With } from '@/i18n'
import type { Figures, MapEdge, MapGraph, MapNode } from '@/lib/map/graph'
import { formatSeconds, formatValue } from '@/lib/units'
import styles from './ServiceMapPage.module.css'

interface MapTablesProps {
  readonly graph: MapGraph
  readonly seconds: number
  readonly onService: (id: string) => void
  readonly onEdge: (id: string) => void
}

const height = 420

/** All that the drawing says, as tables. */
export function MapTables({ graph, seconds, onService, onEdge }: MapTablesProps) {
  const t = useMessages('serviceMap').serviceMap
  const figures = useMemo(() => figureColumns(seconds, t), [seconds, t])
  const nodeColumns = useMemo(
    (): TableColumn<MapNode>[] => [
      {
        key: 'label',
        title: t.service,
        width: 'minmax(180px, 1.4fr)',
        value: ({ label }) => label,
        cell: ({ label }) => label,
      },
      {
        key: 'type',
        title: t.type,
        width: '130px',
        value: ({ type }) => t.types[type],
        cell: ({ type }) => t.types[type],
      },
      ...figures,
    ],
    [figures, t],
  )
  const names = useMemo(() => new Map(graph.nodes.map(({ id, label }) => [id, label])), [graph])
  const edgeColumns = useMemo((): TableColumn<MapEdge>[] => {
    const name = (id: string) => names.get(id) ?? id
    return [
      {
        key: 'from',
        title: t.caller,
        width: 'minmax(140px, 1fr)',
        value: ({ from }) => name(from),
        cell: ({ from }) => name(from),
      },
      {
        key: 'to',
        title: t.calledOne,
        width: 'minmax(140px, 1fr)',
        value: ({ to }) => name(to),
        cell: ({ to }) => name(to),
      },
      {
        key: 'connection',
        title: t.via,
        width: '130px',
        value: ({ connection }) => t.connection(connection),
        cell: ({ connection }) => t.connection(connection),
      },
      ...figures,
    ]
  }, [figures, names, t])
  return (
    <div className={styles.tables}>
      <section className={styles.panel}>
        <h2>{t.services}</h2>
        <VirtualTable
          label={t.services}
          rows={graph.nodes}
          columns={nodeColumns}
          rowKey={({ id }) => id}
          initialSort={{ key: 'rate', descending: true }}
          height={height}
          minWidth={820}
          onRow={({ id }) => onService(id)}
        />
      </section>
      <section className={styles.panel}>
        <h2>{t.callsTitle}</h2>
        <VirtualTable
          label={t.callsTitle}
          rows={graph.edges}
          columns={edgeColumns}
          rowKey={({ id }) => id}
          initialSort={{ key: 'rate', descending: true }}
          height={height}
          minWidth={900}
          onRow={({ id }) => onEdge(id)}
        />
      </section>
    </div>
  )
}

function figureColumns(seconds: number, t: With<'serviceMap'>['serviceMap']): TableColumn<Figures>[] {
  const share = ({ requests, failed }: Figures) => (requests > 0 ? Math.min(failed / requests, 1) : 0)
  const quantile = (key: 'p50' | 'p95' | 'p99'): TableColumn<Figures> => ({
    key,
    title: key,
    width: '84px',
    numeric: true,
    value: (of) => of[key] ?? NaN,
    cell: (of) => (of[key] === null ? '–' : formatSeconds(of[key])),
  })
  return [
    {
      key: 'rate',
      title: t.rate,
      width: '90px',
      numeric: true,
      value: ({ requests }) => requests,
      cell: ({ requests }) => formatValue(requests / Math.max(seconds, 1), 'per-second'),
    },
    {
      key: 'errors',
      title: t.errors,
      width: '80px',
      numeric: true,
      value: share,
      cell: (of) => (
        <span className={share(of) > 0 ? styles.bad : undefined}>{formatValue(share(of), 'ratio', 2)}</span>
      ),
    },
    quantile('p50'),
    quantile('p95'),
    quantile('p99'),
  ]
}
