import { useMemo } from 'react'
import type { Labels } from '@/api/types'
import { VirtualTable, type TableColumn } from '@/components/VirtualTable'
import { useMessages } from '@/i18n'
import { summarize, type SeriesSummary } from '@/lib/frame'
import { formatValue, type Unit } from '@/lib/units'
import styles from './LegendTable.module.css'

export interface LegendRow {
  readonly key: string
  readonly row: string
  readonly name: string
  readonly color: string
  readonly labels: Labels
  readonly values: readonly (number | null)[]
}

interface LegendTableProps {
  readonly rows: readonly LegendRow[]
  readonly unit: Unit
  readonly hidden: ReadonlySet<string>
  readonly onToggle: (key: string, additive: boolean) => void
}

type Summed = LegendRow & SeriesSummary

export function LegendTable({ rows, unit, hidden, onToggle }: LegendTableProps) {
  const t = useMessages('explore')
  const l = t.explore.legend
  const summed = useMemo((): Summed[] => rows.map((row) => ({ ...row, ...summarize(row.values) })), [rows])
  const columns = useMemo((): TableColumn<Summed>[] => {
    const figure = (key: keyof SeriesSummary): TableColumn<Summed> => ({
      key,
      title: l[key],
      width: '96px',
      numeric: true,
      value: (r) => r[key] ?? NaN,
      cell: (r) => formatValue(r[key], unit, 4),
    })
    return [
      {
        key: 'series',
        title: l.series,
        width: 'minmax(220px, 1fr)',
        value: (r) => r.name,
        cell: (r) => (
          <span className={styles.name} title={r.name}>
            <i style={{ background: r.color }} />
            {r.row !== '' && <b>{r.row}</b>}
            <span className="mono clip">{r.name}</span>
          </span>
        ),
      },
      figure('last'),
      figure('min'),
      figure('max'),
      figure('mean'),
    ]
  }, [l, unit])
  return (
    <div className={styles.legend} title={t.explore.legendHelp}>
      <VirtualTable
        label={l.series}
        rows={summed}
        columns={columns}
        rowKey={(r) => r.key}
        height={270}
        minWidth={640}
        onRow={(r, additive) => onToggle(r.key, additive)}
        faded={(r) => hidden.has(r.key)}
      />
    </div>
  )
}
