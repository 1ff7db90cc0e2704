import { IconMinus, IconPlus } from '@tabler/icons-react'
import { memo, useMemo } from 'react'
import { useMessages } from '@/i18n'
import { jsonPieces } from '@/lib/jsonPieces'
import { fieldOf, highlighted, jsonOf, originOf, type LogLine } from '@/lib/logLine'
import { nanosText } from '@/lib/nanos'
import type { ZoneId } from '@/lib/time'
import { LineDetail } from './LineDetail'
import type { LineActions } from './LineList'
import styles from './LineRow.module.css'
import type { LineView } from './logsSearch'

interface LineRowProps {
  readonly line: LogLine
  readonly index: number
  readonly query: string
  readonly view: LineView
  readonly zone: ZoneId
  readonly template: string
  readonly columns: readonly string[]
  readonly searched: readonly string[]
  readonly expanded: boolean
  readonly selected: boolean
  readonly actions: LineActions
}

/** Characters of a line that are drawn in each view; details show more. */
const drawnMax: Readonly<Record<LineView, number>> = { line: 1000, wrap: 5000, json: 5000 }

export function drawnText(text: string, view: LineView): string {
  const document = view === 'json' ? jsonOf(text) : null
  const whole = document === null ? text : JSON.stringify(document, null, 2)
  const max = drawnMax[view]
  return whole.length > max ? `${whole.slice(0, max)}…` : whole
}

/** The same but for what is done with a line: that is new at each drawing, and means the same. */
function same(a: LineRowProps, b: LineRowProps): boolean {
  const keys = Object.keys(a) as (keyof LineRowProps)[]
  return keys.every((key) => (key === 'actions' && !a.expanded) || a[key] === b[key])
}

export const LineRow = memo(function LineRow(props: LineRowProps) {
  const { line, index, view, zone, template, columns, searched, expanded, selected, actions } = props
  const { levels } = useMessages().common
  const { text, rest } = nanosText(line.ns, zone)
  const click = () => {
    // Who selects text does not want the line to open.
    if (window.getSelection()?.isCollapsed !== false) actions.onToggle(line.id)
  }
  return (
    <>
      <div
        role="row"
        aria-rowindex={index + 1}
        aria-expanded={expanded}
        aria-selected={selected}
        className={styles.row}
        data-view={view}
        data-level={line.level}
        style={{ gridTemplateColumns: template }}
        onClick={click}
      >
        <i title={levels[line.level]} style={{ background: `var(--wf-level-${line.level})` }} />
        <time role="cell" dateTime={new Date(line.ms).toISOString()} title={`${text}${rest}`}>
          <span>{text.slice(0, 11)}</span>
          {text.slice(11)}
        </time>
        {columns.map((name) => (
          <Cell key={name} line={line} name={name} actions={actions} />
        ))}
        <code role="cell" className={styles.text}>
          <LineText text={line.text} view={view} searched={searched} />
        </code>
      </div>
      {expanded && (
        <LineDetail line={line} query={props.query} columns={columns} searched={searched} actions={actions} />
      )}
    </>
  )
}, same)

interface LineTextProps {
  readonly text: string
  readonly view: LineView
  readonly searched: readonly string[]
}

/** A line with what was searched for marked, or, as a document, with its parts coloured. */
function LineText({ text, view, searched }: LineTextProps) {
  const drawn = useMemo(() => drawnText(text, view), [text, view])
  if (view === 'json' && jsonOf(text) !== null) {
    return jsonPieces(drawn).map((piece, at) =>
      piece.kind === 'plain' ? (
        piece.text
      ) : (
        <span key={at} data-json={piece.kind}>
          {piece.text}
        </span>
      ),
    )
  }
  return highlighted(drawn, searched).map((piece, at) =>
    piece.hit ? <mark key={at}>{piece.text}</mark> : piece.text,
  )
}

interface CellProps {
  readonly line: LogLine
  readonly name: string
  readonly actions: LineActions
}

function Cell({ line, name, actions }: CellProps) {
  const l = useMessages('logs').logs
  const value = fieldOf(line, name)
  if (value === undefined) return <span role="cell" className={styles.cell} />
  const filter = (op: '=' | '!=') => actions.onFilter({ name, value, origin: originOf(line, name) }, op)
  return (
    <span role="cell" className={styles.cell} title={value}>
      <span className="clip">{value.slice(0, 300)}</span>
      <span className={styles.cellActions} onClick={(event) => event.stopPropagation()}>
        <button type="button" aria-label={l.filterFor(name, value)} onClick={() => filter('=')}>
          <IconPlus size={12} aria-hidden />
        </button>
        <button type="button" aria-label={l.filterOut(name, value)} onClick={() => filter('!=')}>
          <IconMinus size={12} aria-hidden />
        </button>
      </span>
    </span>
  )
}
