import {
  IconAlertTriangleFilled,
  IconChevronDown,
  IconChevronRight,
  IconExclamationCircleFilled,
} from '@tabler/icons-react'
import { memo } from 'react'
import { useMessages } from '@/i18n'
import type { PathPart } from '@/lib/trace/criticalPath'
import { endOf, failed, hasChildren, type Tree } from '@/lib/trace/tree'
import { formatSeconds } from '@/lib/units'
import styles from './Waterfall.module.css'
import type { Zoom } from './view'

interface SpanRowProps {
  readonly tree: Tree
  readonly at: number
  readonly color: string
  readonly shown: Zoom
  readonly parts: readonly PathPart[] | undefined
  readonly folded: boolean
  readonly selected: boolean
  readonly matched: boolean
  readonly faded: boolean
  readonly onSelect: (at: number) => void
  readonly onFold: (at: number) => void
}

const indentPixels = 13
/** Deeper spans stand no farther to the right; their level is written out. */
const indentMax = 22

/** A span: who and what at the left, when and how long at the right. */
export const SpanRow = memo(function SpanRow(props: SpanRowProps) {
  const { tree, at, color, shown, parts, folded, selected, matched, faded, onSelect, onFold } = props
  const t = useMessages('trace').trace
  const span = tree.spans[at]
  if (span === undefined) return null
  const depth = tree.depth[at] ?? 0
  const parent = hasChildren(tree, at)
  const inside = (tree.end[at] ?? 0) - at - 1
  const width = shown.to - shown.from
  const share = (ns: number) => ((ns - shown.from) / width) * 100
  const left = share(span.offset)
  const right = share(endOf(span))
  const Arrow = folded ? IconChevronRight : IconChevronDown
  const bad = failed(span)
  // A label stands where there is room: behind the bar, before it, or in it.
  const side = right < 82 ? 'behind' : left > 18 ? 'before' : 'inside'
  const place =
    side === 'behind'
      ? { left: `${Math.max(right, 0)}%` }
      : side === 'before'
        ? { right: `${Math.max(100 - left, 0)}%` }
        : { right: '4px' }
  return (
    <div
      id={`span-${at}`}
      role="row"
      aria-level={depth + 1}
      aria-rowindex={at + 1}
      aria-expanded={parent ? !folded : undefined}
      aria-selected={selected}
      className={styles.row}
      data-failed={bad || undefined}
      data-matched={matched || undefined}
      data-faded={faded || undefined}
      onClick={() => onSelect(at)}
    >
      <div
        role="gridcell"
        className={styles.name}
        style={{ paddingLeft: Math.min(depth, indentMax) * indentPixels }}
      >
        {parent ? (
          <button
            type="button"
            tabIndex={-1}
            className={styles.fold}
            aria-label={folded ? t.unfold(inside) : t.fold(inside)}
            onClick={(event) => {
              event.stopPropagation()
              onFold(at)
            }}
          >
            <Arrow size={13} aria-hidden />
            {folded && <em>{inside}</em>}
          </button>
        ) : (
          <span className={styles.leaf} />
        )}
        <i className={styles.tint} style={{ background: color }} />
        {depth > indentMax && <em className={styles.level}>{depth}</em>}
        {bad && <IconExclamationCircleFilled size={13} className={styles.bad} aria-label={t.failed} />}
        {span.warnings.length > 0 && (
          <IconAlertTriangleFilled size={12} className={styles.odd} aria-label={span.warnings.join('; ')} />
        )}
        <span className={styles.label}>
          <b>{span.service}</b> {span.name}
        </span>
      </div>
      <div role="gridcell" className={styles.time}>
        {right >= 0 && left <= 100 && (
          <>
            <i
              className={styles.span}
              style={{ left: `${left}%`, width: `max(2px, ${right - left}%)`, background: color }}
            />
            {parts?.map((part) => (
              <i
                key={part.from}
                className={styles.critical}
                style={{ left: `${share(part.from)}%`, width: `${share(part.to) - share(part.from)}%` }}
              />
            ))}
            {span.events.map((event, index) => (
              <i
                key={index}
                className={styles.event}
                style={{ left: `${share(event.offset)}%` }}
                title={event.name}
              />
            ))}
          </>
        )}
        <span className={styles.took} data-side={side} style={place}>
          {formatSeconds(span.duration / 1e9)}
        </span>
      </div>
    </div>
  )
})
