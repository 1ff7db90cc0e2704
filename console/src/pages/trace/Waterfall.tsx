import { useVirtualizer } from '@tanstack/react-virtual'
import {
  useEffect,
  useMemo,
  useRef,
  type CSSProperties,
  type KeyboardEvent,
  type PointerEvent,
  type RefObject,
} from 'react'
import { useMessages } from '@/i18n'
import type { PathPart } from '@/lib/trace/criticalPath'
import type { Tree } from '@/lib/trace/tree'
import { formatSeconds } from '@/lib/units'
import { stored } from '@/state/stored'
import { useBrush } from './Minimap'
import { SpanRow } from './SpanRow'
import styles from './Waterfall.module.css'
import type { Zoom } from './view'

interface WaterfallProps {
  readonly tree: Tree
  /** Places of the spans that are shown, in order. */
  readonly rows: Int32Array
  readonly colors: ReadonlyMap<string, string>
  readonly zoom: Zoom | null
  readonly parts: ReadonlyMap<number, readonly PathPart[]> | null
  readonly collapsed: ReadonlySet<number>
  readonly selected: number
  readonly matches: ReadonlySet<number>
  /** Spans of other services are faded. */
  readonly service: string | null
  readonly scroller: RefObject<HTMLDivElement | null>
  readonly onSelect: (at: number) => void
  readonly onFold: (at: number) => void
  readonly onZoom: (zoom: Zoom | null) => void
}

const rowHeight = 24
const ticks = [0, 0.25, 0.5, 0.75]

const nameWidth = stored('trace-name-width', (raw) => (typeof raw === 'number' ? raw : 36))
const clampWidth = (percent: number): number => Math.min(Math.max(percent, 12), 75)

/** Draws only the spans in view, so that a hundred thousand are as smooth as ten. */
export function Waterfall(props: WaterfallProps) {
  const { tree, rows, colors, zoom, parts, collapsed, selected, matches, service, scroller } = props
  const { onSelect, onFold, onZoom } = props
  const t = useMessages('trace').trace
  const width = nameWidth.use()
  const shown = useMemo(() => zoom ?? { from: 0, to: Math.max(tree.duration, 1) }, [zoom, tree])
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => rowHeight,
    overscan: 12,
  })
  // The row of the span that is chosen, so that it comes into view when another is.
  const row = useMemo(() => (selected < 0 ? -1 : rowOf(rows, selected)), [rows, selected])
  const seen = useRef(-1)
  useEffect(() => {
    if (row < 0 || seen.current === selected) return
    seen.current = selected
    virtual.scrollToIndex(row, { align: 'auto' })
  }, [row, selected, virtual])
  const style = { '--name': `${width}%` } as CSSProperties
  return (
    <div className={styles.waterfall} style={style}>
      <Axis shown={shown} duration={tree.duration} onZoom={onZoom} />
      <div
        ref={scroller}
        className={styles.scroll}
        role="treegrid"
        aria-label={t.waterfall}
        aria-rowcount={tree.spans.length}
        aria-activedescendant={selected >= 0 ? `span-${selected}` : undefined}
        tabIndex={0}
      >
        <div style={{ height: virtual.getTotalSize(), position: 'relative' }} role="rowgroup">
          {virtual.getVirtualItems().map((item) => {
            const at = rows[item.index] ?? 0
            const of = tree.spans[at]?.service ?? ''
            return (
              <div
                key={at}
                role="presentation"
                className={styles.place}
                style={{ transform: `translateY(${item.start}px)` }}
              >
                <SpanRow
                  tree={tree}
                  at={at}
                  color={colors.get(of) ?? 'var(--wf-muted)'}
                  shown={shown}
                  parts={parts?.get(at)}
                  folded={collapsed.has(at)}
                  selected={selected === at}
                  matched={matches.has(at)}
                  faded={service !== null && service !== of}
                  onSelect={onSelect}
                  onFold={onFold}
                />
              </div>
            )
          })}
        </div>
      </div>
    </div>
  )
}

/** The row of a span, or of the closest that is above it; rows are in order. */
function rowOf(rows: Int32Array, at: number): number {
  let low = 0
  let high = rows.length - 1
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if ((rows[middle] ?? 0) <= at) low = middle
    else high = middle - 1
  }
  return rows.length === 0 ? -1 : low
}

interface AxisProps {
  readonly shown: Zoom
  readonly duration: number
  readonly onZoom: (zoom: Zoom | null) => void
}

/** Times above the bars, and the handle between names and bars. */
function Axis({ shown, duration, onZoom }: AxisProps) {
  const t = useMessages('trace').trace
  const brush = useBrush(duration, onZoom, shown)
  const span = shown.to - shown.from
  const move = (event: PointerEvent<HTMLElement>) => {
    if (!event.currentTarget.hasPointerCapture(event.pointerId)) return
    const box = event.currentTarget.parentElement?.getBoundingClientRect()
    if (box !== undefined) nameWidth.set(clampWidth(((event.clientX - box.left) / box.width) * 100))
  }
  const step = (event: KeyboardEvent) => {
    const by = event.key === 'ArrowLeft' ? -2 : event.key === 'ArrowRight' ? 2 : 0
    if (by === 0) return
    event.preventDefault()
    event.stopPropagation()
    nameWidth.set(clampWidth(nameWidth.get() + by))
  }
  return (
    <div className={styles.axis}>
      <span className={styles.axisName}>{t.serviceOperation}</span>
      <span
        role="separator"
        tabIndex={0}
        aria-orientation="vertical"
        aria-label={t.resize}
        aria-valuenow={Math.round(nameWidth.get())}
        className={styles.handle}
        onPointerDown={(event) => event.currentTarget.setPointerCapture(event.pointerId)}
        onPointerMove={move}
        onKeyDown={step}
      />
      <div className={styles.ticks} title={t.axisHelp} {...brush.handlers}>
        {ticks.map((tick) => (
          <span key={tick} style={{ left: `${tick * 100}%` }}>
            {formatSeconds((shown.from + span * tick) / 1e9)}
          </span>
        ))}
        <span data-last>{formatSeconds(shown.to / 1e9)}</span>
        {brush.part !== null && (
          <i
            style={{
              left: `${((brush.part.from - shown.from) / span) * 100}%`,
              width: `${((brush.part.to - brush.part.from) / span) * 100}%`,
            }}
          />
        )}
      </div>
    </div>
  )
}
