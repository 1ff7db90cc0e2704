import { IconChevronDown, IconChevronUp } from '@tabler/icons-react'
import { useVirtualizer } from '@tanstack/react-virtual'
import { useMemo, useRef, useState, type ReactNode } from 'react'
import styles from './VirtualTable.module.css'

export interface TableColumn<Row> {
  readonly key: string
  readonly title: string
  /** A track of CSS grid. */
  readonly width: string
  readonly numeric?: boolean
  /** What the column is sorted by. */
  readonly value: (row: Row) => string | number
  readonly cell: (row: Row) => ReactNode
}

export interface Sort {
  readonly key: string
  readonly descending: boolean
}

interface VirtualTableProps<Row> {
  readonly label: string
  readonly rows: readonly Row[]
  readonly columns: readonly TableColumn<Row>[]
  readonly rowKey: (row: Row) => string
  readonly initialSort?: Sort
  /** Who holds the order outside of the table says it here and is told of clicks; otherwise the table holds it. */
  readonly sort?: Sort
  readonly onSort?: (sort: Sort) => void
  /** Pixels the body takes at most; it scrolls within. */
  readonly height: number
  readonly minWidth?: number
  /** Called on a click or Enter; `additive` when Ctrl or ⌘ was held. */
  readonly onRow?: (row: Row, additive: boolean) => void
  readonly faded?: (row: Row) => boolean
}

const rowHeight = 30

function sorted<Row>(
  rows: readonly Row[],
  column: TableColumn<Row> | undefined,
  descending: boolean,
): readonly Row[] {
  if (column === undefined) return rows
  const keyed = rows.map((row) => ({ row, value: column.value(row) }))
  const sign = descending ? -1 : 1
  keyed.sort((a, b) => {
    if (typeof a.value === 'string' || typeof b.value === 'string') {
      return sign * String(a.value).localeCompare(String(b.value), undefined, { numeric: true })
    }
    // NaN has no place in an order; it goes last either way.
    if (Number.isNaN(a.value) || Number.isNaN(b.value))
      return Number(Number.isNaN(a.value)) - Number(Number.isNaN(b.value))
    return sign * (a.value - b.value)
  })
  return keyed.map(({ row }) => row)
}

/** A sortable table that draws only the rows in view, so that ten thousand are as quick as ten. */
export function VirtualTable<Row>(props: VirtualTableProps<Row>) {
  const { label, rows, columns, rowKey, initialSort, height, minWidth, onRow, faded, onSort } = props
  const [own, setOwn] = useState<Sort | null>(initialSort ?? null)
  const sort = props.sort ?? own
  const body = useRef<HTMLDivElement>(null)
  const ordered = useMemo(
    () =>
      sorted(
        rows,
        columns.find(({ key }) => key === sort?.key),
        sort?.descending ?? false,
      ),
    [rows, columns, sort],
  )
  const virtual = useVirtualizer({
    count: ordered.length,
    getScrollElement: () => body.current,
    estimateSize: () => rowHeight,
    overscan: 8,
  })
  const template = { gridTemplateColumns: columns.map(({ width }) => width).join(' ') }
  const flip = (column: TableColumn<Row>) => {
    const descending = sort?.key === column.key ? !sort.descending : column.numeric === true
    const next = { key: column.key, descending }
    if (onSort === undefined) setOwn(next)
    else onSort(next)
  }
  return (
    <div
      ref={body}
      className={styles.scroll}
      style={{ maxHeight: height }}
      role="table"
      aria-label={label}
      aria-rowcount={ordered.length + 1}
      tabIndex={0}
    >
      <div style={{ minWidth }}>
        <div className={styles.head} style={template} role="row">
          {columns.map((column) => {
            const active = sort?.key === column.key
            const Arrow = sort?.descending === true ? IconChevronDown : IconChevronUp
            return (
              <div
                key={column.key}
                role="columnheader"
                aria-sort={active ? (sort.descending ? 'descending' : 'ascending') : 'none'}
                data-numeric={column.numeric}
              >
                <button type="button" onClick={() => flip(column)}>
                  {column.title}
                  {active && <Arrow size={13} aria-hidden />}
                </button>
              </div>
            )
          })}
        </div>
        <div style={{ height: virtual.getTotalSize(), position: 'relative' }} role="rowgroup">
          {virtual.getVirtualItems().map((item) => {
            const row = ordered[item.index]
            if (row === undefined) return null
            return (
              <div
                key={rowKey(row)}
                role="row"
                aria-rowindex={item.index + 2}
                className={styles.row}
                data-faded={faded?.(row) === true || undefined}
                data-active={onRow !== undefined || undefined}
                tabIndex={onRow === undefined ? undefined : 0}
                onClick={(event) => onRow?.(row, event.ctrlKey || event.metaKey)}
                onKeyDown={(event) => {
                  if (event.key === 'Enter') onRow?.(row, event.ctrlKey || event.metaKey)
                }}
                style={{ ...template, transform: `translateY(${item.start}px)` }}
              >
                {columns.map((column) => (
                  <div key={column.key} role="cell" data-numeric={column.numeric} className="clip">
                    {column.cell(row)}
                  </div>
                ))}
              </div>
            )
          })}
        </div>
      </div>
    </div>
  )
}
