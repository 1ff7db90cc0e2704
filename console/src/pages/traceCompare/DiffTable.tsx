import { Checkbox } from '@mantine/core'
import { IconChevronDown, IconChevronRight, IconExclamationCircleFilled } from '@tabler/icons-react'
import { useVirtualizer } from '@tanstack/react-virtual'
import { Link } from '@tanstack/react-router'
import { useMemo, useRef, useState } from 'react'
import { useMessages } from '@/i18n'
import { diffState, diffTraces, onlyDifferent, type DiffNode, type DiffSide } from '@/lib/trace/diff'
import type { Tree } from '@/lib/trace/tree'
import { formatSeconds } from '@/lib/units'
import styles from './DiffTable.module.css'

interface DiffTableProps {
  readonly a: Tree
  readonly b: Tree
  readonly idA: string
  readonly idB: string
}

const rowHeight = 28
const indentPixels = 14
const indentMax = 20

/** The paths of both traces in one tree, with what each of them took beside the other. */
export function DiffTable({ a, b, idA, idB }: DiffTableProps) {
  const t = useMessages('traceCompare').traceCompare
  const [only, setOnly] = useState(false)
  const [collapsed, setCollapsed] = useState<ReadonlySet<string>>(new Set())
  const scroller = useRef<HTMLDivElement>(null)
  const whole = Math.max(a.duration, b.duration, 1)
  const nodes = useMemo(() => diffTraces(a, b), [a, b])
  const rows = useMemo(() => {
    const shown = only ? onlyDifferent(nodes, whole) : nodes
    return unfolded(shown, collapsed)
  }, [nodes, only, whole, collapsed])
  const counts = useMemo(() => {
    const of = { added: 0, missing: 0, slower: 0, faster: 0, failed: 0, same: 0 }
    for (const node of nodes) of[diffState(node, whole)]++
    return of
  }, [nodes, whole])
  const longest = useMemo(
    () => nodes.reduce((most, node) => Math.max(most, node.a?.total ?? 0, node.b?.total ?? 0), 1),
    [nodes],
  )
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => rowHeight,
    overscan: 12,
  })
  const fold = (node: DiffNode) => {
    const next = new Set(collapsed)
    if (!next.delete(keyOf(node))) next.add(keyOf(node))
    setCollapsed(next)
  }
  return (
    <section className={styles.panel}>
      <header className={styles.bar}>
        <span role="status">{t.counts(counts)}</span>
        <Checkbox
          size="xs"
          label={t.onlyDifferent}
          checked={only}
          onChange={(event) => setOnly(event.currentTarget.checked)}
        />
      </header>
      <div ref={scroller} className={styles.scroll} role="treegrid" aria-label={t.diff} tabIndex={0}>
        <div className={styles.head} role="row">
          <span role="columnheader">{t.path}</span>
          <span role="columnheader">A</span>
          <span role="columnheader">B</span>
          <span role="columnheader">{t.change}</span>
        </div>
        {only && rows.length === 0 && <p className={styles.note}>{t.noDifference}</p>}
        <div style={{ height: virtual.getTotalSize(), position: 'relative' }} role="rowgroup">
          {virtual.getVirtualItems().map((item) => {
            const row = rows[item.index]
            if (row === undefined) return null
            const { node } = row
            const state = diffState(node, whole)
            const Arrow = row.folded ? IconChevronRight : IconChevronDown
            return (
              <div
                key={keyOf(node)}
                role="row"
                aria-level={node.depth + 1}
                aria-expanded={row.parent ? !row.folded : undefined}
                className={styles.row}
                data-state={state}
                style={{ transform: `translateY(${item.start}px)` }}
              >
                <div
                  role="gridcell"
                  className={styles.name}
                  style={{ paddingLeft: Math.min(node.depth, indentMax) * indentPixels }}
                >
                  {row.parent ? (
                    <button
                      type="button"
                      aria-label={row.folded ? t.unfold(node.name) : t.fold(node.name)}
                      onClick={() => fold(node)}
                    >
                      <Arrow size={13} aria-hidden />
                    </button>
                  ) : (
                    <span className={styles.leaf} />
                  )}
                  <span className="clip">
                    <b>{node.service}</b> {node.name}
                  </span>
                </div>
                <Side side={node.a} name="a" longest={longest} trace={idA} />
                <Side side={node.b} name="b" longest={longest} trace={idB} />
                <div role="gridcell" className={styles.change}>
                  {state === 'added' || state === 'missing' ? t.states[state] : <Change node={node} />}
                </div>
              </div>
            )
          })}
        </div>
      </div>
    </section>
  )
}

const keyOf = ({ a, b }: DiffNode): string => `${a?.longest ?? ''}|${b?.longest ?? ''}`

interface DiffRow {
  readonly node: DiffNode
  readonly parent: boolean
  readonly folded: boolean
}

function unfolded(nodes: readonly DiffNode[], collapsed: ReadonlySet<string>): DiffRow[] {
  const out: DiffRow[] = []
  let under = Infinity
  nodes.forEach((node, index) => {
    if (node.depth > under) return
    const folded = collapsed.has(keyOf(node))
    under = folded ? node.depth : Infinity
    out.push({ node, parent: (nodes[index + 1]?.depth ?? 0) > node.depth, folded })
  })
  return out
}

interface SideProps {
  readonly side: DiffSide | null
  readonly name: 'a' | 'b'
  readonly longest: number
  readonly trace: string
}

function Side({ side, name, longest, trace }: SideProps) {
  const t = useMessages('traceCompare').traceCompare
  if (side === null) return <div role="gridcell" className={styles.side} data-side={name} data-none />
  return (
    <div role="gridcell" className={styles.side} data-side={name}>
      <i style={{ width: `${(side.total / longest) * 100}%` }} />
      <Link to="/traces/$id" params={{ id: trace }} search={{ span: side.longest }}>
        {formatSeconds(side.total / 1e9)}
      </Link>
      {side.count > 1 && <em>{t.times(side.count)}</em>}
      {side.errors > 0 && <IconExclamationCircleFilled size={12} aria-label={t.withErrors(side.errors)} />}
    </div>
  )
}

function Change({ node: { a, b } }: { readonly node: DiffNode }) {
  const change = (b?.total ?? 0) - (a?.total ?? 0)
  const share = a === null || a.total === 0 ? null : change / a.total
  return (
    <>
      {change > 0 ? '+' : change < 0 ? '−' : ''}
      {formatSeconds(Math.abs(change) / 1e9)}
      {share !== null && Math.abs(share) >= 0.005 && (
        <em>
          {share > 0 ? '+' : '−'}
          {Math.round(Math.abs(share) * 100)}%
        </em>
      )}
    </>
  )
}
