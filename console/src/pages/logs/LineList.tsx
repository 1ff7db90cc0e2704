import { Skeleton } from '@mantine/core'
import { useVirtualizer } from '@tanstack/react-virtual'
import { IconX } from '@tabler/icons-react'
import { useCallback, useEffect, useMemo, useRef, type CSSProperties, type ReactNode } from 'react'
import { useMessages } from '@/i18n'
import type { LogLine } from '@/lib/logLine'
import type { Field } from '@/lib/logql/edit'
import { compareNanos } from '@/lib/nanos'
import { useTimeState } from '@/state/timeSearch'
import styles from './LineList.module.css'
import { LineRow } from './LineRow'
import type { LineView } from './logsSearch'
import { SelectionMenu } from './SelectionMenu'

export interface LineActions {
  readonly onToggle: (id: string) => void
  readonly onColumn: (name: string) => void
  /** With a parser, the field is known only once lines are taken apart by it. */
  readonly onFilter: (field: Field, op: '=' | '!=', parser?: 'json') => void
  readonly onContext: (line: LogLine) => void
}

interface LineListProps extends LineActions {
  readonly lines: readonly LogLine[]
  readonly query: string
  readonly view: LineView
  readonly columns: readonly string[]
  readonly searched: readonly string[]
  readonly expanded: ReadonlySet<string>
  readonly selected: string | null
  readonly loading: boolean
  readonly focus: string | null
  readonly onText: (text: string, op: '|=' | '!=') => void
  /** The list goes to its top whenever this changes. */
  readonly top: number
  readonly onEnd: () => void
  readonly onAway: (away: boolean) => void
  readonly footer: ReactNode
}

const rowHeight = 22
/** Lines before the end at which the next page is asked for. */
const endLines = 100
/** Farther from the top than this is away from the newest. */
const awayPixels = 60

export function columnTemplate(columns: readonly string[]): string {
  return ['4px', '182px', ...columns.map(() => 'minmax(90px, 170px)'), 'minmax(220px, 1fr)'].join(' ')
}

/** Where a line is, or what was there at its moment. */
function placeOf(lines: readonly LogLine[], id: string): number {
  const found = lines.findIndex((line) => line.id === id)
  const ns = id.split('-')[0] ?? ''
  if (found >= 0 || !/^\d{1,19}$/.test(ns)) return found
  return lines.findIndex((line) => compareNanos(line.ns, ns) <= 0)
}

/** Draws only the lines in view, so that a hundred thousand are as smooth as ten. */
export function LineList(props: LineListProps) {
  const { lines, view, columns, expanded, selected, focus, onEnd, onAway } = props
  const l = useMessages('logs').logs
  const { zone } = useTimeState()
  const scroller = useRef<HTMLDivElement>(null)
  const away = useRef(false)
  const template = useMemo(() => columnTemplate(columns), [columns])
  // The same function for the same lines: with another one all sizes are computed anew.
  const getItemKey = useCallback((index: number) => lines[index]?.id ?? index, [lines])
  const virtual = useVirtualizer({
    count: lines.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => (view === 'line' ? rowHeight : rowHeight * 2),
    getItemKey,
    overscan: 16,
  })
  const items = virtual.getVirtualItems()
  const last = items.at(-1)?.index ?? 0
  const near = lines.length > 0 && last >= lines.length - endLines
  useEffect(() => {
    if (near) onEnd()
    // A page that was added moves the end away; then it is asked again when it comes near.
    // eslint-disable-next-line react-hooks/exhaustive-deps -- the callback is a new one at each drawing
  }, [near, lines.length])

  const seen = useRef<string | null>(null)
  useEffect(() => {
    if (focus === null || lines.length === 0 || seen.current === focus) return
    const index = placeOf(lines, focus)
    if (index < 0) return
    seen.current = focus
    virtual.scrollToIndex(index, { align: 'center' })
  }, [focus, lines, virtual])

  const chosen = useRef(selected)
  useEffect(() => {
    if (selected === null || chosen.current === selected) return
    chosen.current = selected
    const index = lines.findIndex(({ id }) => id === selected)
    if (index >= 0) virtual.scrollToIndex(index, { align: 'auto' })
  }, [selected, lines, virtual])

  const { top } = props
  useEffect(() => {
    if (top > 0) scroller.current?.scrollTo({ top: 0 })
  }, [top])

  const onScroll = () => {
    const now = (scroller.current?.scrollTop ?? 0) > awayPixels
    if (now === away.current) return
    away.current = now
    onAway(now)
  }
  const wide = { '--wide': `${columns.length === 0 ? 0 : 420 + columns.length * 130}px` } as CSSProperties
  return (
    <>
      <div
        ref={scroller}
        className={styles.scroll}
        data-view={view}
        onScroll={onScroll}
        role="table"
        aria-label={l.list}
        aria-rowcount={lines.length}
        tabIndex={0}
      >
        <div className={styles.width} style={wide}>
          <div className={styles.head} role="row" style={{ gridTemplateColumns: template }}>
            <span />
            <span role="columnheader">{l.time}</span>
            {columns.map((name) => (
              <span key={name} role="columnheader" className={styles.column}>
                <span className="clip">{name}</span>
                <button type="button" onClick={() => props.onColumn(name)} aria-label={l.removeColumn(name)}>
                  <IconX size={12} aria-hidden />
                </button>
              </span>
            ))}
            <span role="columnheader">{l.line}</span>
          </div>
          {props.loading && <Skeleton height={360} radius={0} />}
          <div style={{ height: virtual.getTotalSize(), position: 'relative' }} role="rowgroup">
            {items.map((item) => {
              const line = lines[item.index]
              if (line === undefined) return null
              return (
                <div
                  key={item.key}
                  ref={virtual.measureElement}
                  data-index={item.index}
                  className={styles.place}
                  style={{ transform: `translateY(${item.start}px)` }}
                >
                  <LineRow
                    line={line}
                    index={item.index}
                    query={props.query}
                    view={view}
                    zone={zone}
                    template={template}
                    columns={columns}
                    searched={props.searched}
                    expanded={expanded.has(line.id)}
                    selected={selected === line.id}
                    actions={props}
                  />
                </div>
              )
            })}
          </div>
          {props.footer}
        </div>
      </div>
      <SelectionMenu within={scroller} onText={props.onText} />
    </>
  )
}
