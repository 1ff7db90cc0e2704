import { useMemo } from 'react'
import type { HistogramValue, Labels } from '@/api/types'
import { VirtualTable, type TableColumn } from '@/components/VirtualTable'
import { useMessages } from '@/i18n'
import { exactTimeText } from '@/lib/clockText'
import { labelsKey } from '@/lib/frame'
import { seriesName } from '@/lib/matcher'
import { significant } from '@/lib/units'
import type { ZoneId } from '@/lib/time'
import { useTimeState } from '@/state/timeSearch'
import { rowName } from './exploreSearch'
import styles from './ResultTable.module.css'
import type { ShownRow } from './Results'

interface Cell {
  readonly key: string
  readonly query: string
  readonly labels: Labels
  readonly time: number
  readonly value: number
  readonly text: string
  readonly histogram: HistogramValue | null
}

/** More label columns than this do not fit; then the series stands in one. */
const labelColumnsMax = 9

function cellsOf({ index, answer }: ShownRow): Cell[] {
  const query = rowName(index)
  const { result } = answer.data
  switch (result.type) {
    case 'vector':
      return result.samples.map((s) => ({
        key: `${query}${labelsKey(s.metric)}`,
        query,
        labels: s.metric,
        time: s.time,
        value: s.value ?? NaN,
        text: s.text,
        histogram: s.histogram,
      }))
    case 'matrix':
      return result.series.flatMap((s) =>
        s.times.map((time, i) => ({
          key: `${query}${labelsKey(s.metric)}${time}`,
          query,
          labels: s.metric,
          time,
          value: s.values[i] ?? NaN,
          text: String(s.values[i] ?? ''),
          histogram: null,
        })),
      )
    case 'scalar':
    case 'string':
      return [
        {
          key: query,
          query,
          labels: {},
          time: result.time,
          value: Number(result.text),
          text: result.text,
          histogram: null,
        },
      ]
  }
}

function useColumns(cells: readonly Cell[], several: boolean, zone: ZoneId): TableColumn<Cell>[] {
  const t = useMessages('explore')
  return useMemo(() => {
    const names = [...new Set(cells.flatMap((cell) => Object.keys(cell.labels)))].sort()
    const label = (name: string): TableColumn<Cell> => ({
      key: `label ${name}`,
      title: name === '__name__' ? t.common.name : name,
      width: name === '__name__' ? 'minmax(160px, 2fr)' : 'minmax(90px, 1fr)',
      value: (c) => c.labels[name] ?? '',
      cell: (c) => <span title={c.labels[name]}>{c.labels[name] ?? ''}</span>,
    })
    const series: TableColumn<Cell> = {
      key: 'series',
      title: t.explore.legend.series,
      width: 'minmax(300px, 1fr)',
      value: (c) => seriesName(c.labels),
      cell: (c) => (
        <span className="mono" title={seriesName(c.labels)}>
          {seriesName(c.labels)}
        </span>
      ),
    }
    const query: TableColumn<Cell> = {
      key: 'query',
      title: '',
      width: '28px',
      value: (c) => c.query,
      cell: (c) => <b>{c.query}</b>,
    }
    const times = new Set(cells.slice(0, 500).map((c) => c.time))
    const time: TableColumn<Cell> = {
      key: 'time',
      title: t.time.range,
      width: '190px',
      value: (c) => c.time,
      cell: (c) => exactTimeText(c.time, zone),
    }
    return [
      ...(several ? [query] : []),
      ...(names.length > labelColumnsMax ? [series] : names.map(label)),
      ...(times.size > 1 ? [time] : []),
      {
        key: 'value',
        title: t.common.value,
        width: 'minmax(150px, 240px)',
        numeric: true,
        value: (c) => c.value,
        cell: (c) =>
          c.histogram === null ? (
            <b className={styles.value}>{c.text}</b>
          ) : (
            <HistogramCell histogram={c.histogram} />
          ),
      },
    ]
  }, [cells, several, zone, t])
}

/** A native histogram as its shape, with count and mean. */
function HistogramCell({ histogram }: { readonly histogram: HistogramValue }) {
  const most = Math.max(...histogram.buckets.map((b) => b.count), 1)
  const mean = histogram.count === 0 ? 0 : histogram.sum / histogram.count
  const title = histogram.buckets
    .map((b) => `${significant(b.lower)} … ${significant(b.upper)}: ${significant(b.count)}`)
    .join('\n')
  return (
    <span className={styles.histogram} title={title}>
      <span className={styles.bars}>
        {histogram.buckets.slice(0, 60).map((bucket, index) => (
          <i key={index} style={{ height: `${Math.max((bucket.count / most) * 100, 4)}%` }} />
        ))}
      </span>
      n {significant(histogram.count)} · x̄ {significant(mean)}
    </span>
  )
}

interface ResultTableProps {
  readonly rows: readonly ShownRow[]
  readonly several: boolean
}

export function ResultTable({ rows, several }: ResultTableProps) {
  const t = useMessages('explore')
  const { zone } = useTimeState()
  const cells = useMemo(() => rows.flatMap(cellsOf), [rows])
  const columns = useColumns(cells, several, zone)
  const at = rows[0]?.answer.to
  return (
    <section className={styles.panel}>
      <p className={styles.count}>
        {t.explore.rows(cells.length)}
        {at !== undefined && ` · ${t.explore.at(exactTimeText(Math.floor(at / 1000) * 1000, zone))}`}
      </p>
      <VirtualTable
        label={t.explore.table}
        rows={cells}
        columns={columns}
        rowKey={(c) => c.key}
        height={620}
        minWidth={Math.min(columns.length * 110, 1400)}
      />
    </section>
  )
}
