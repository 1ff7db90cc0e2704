import { ActionIcon, Skeleton } from '@mantine/core'
import { IconChevronDown, IconChevronRight, IconRefresh } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { useMemo, useRef, useState, type KeyboardEvent } from 'react'
import { explain } from '@/api/explain'
import type { PlanNode } from '@/api/types'
import { CodeBlock } from '@/components/CodeBlock'
import { language, useMessages } from '@/i18n'
import { formatCount, formatSeconds, formatValue } from '@/lib/units'
import { planNote } from './planNotes'
import { Tooltip } from '../Tooltip'
import styles from './PlanTree.module.css'

interface PlanTreeProps {
  /** The address the query was asked at. */
  readonly url: string
  /** What the plan is of: the same over refreshes that only move the range. */
  readonly subject: string
}

interface Line {
  readonly id: string
  readonly node: PlanNode
  readonly depth: number
}

/** The nodes that are not folded away, parents first. */
function linesOf(plan: PlanNode, folded: ReadonlySet<string>): Line[] {
  const lines: Line[] = []
  const add = (node: PlanNode, id: string, depth: number) => {
    lines.push({ id, node, depth })
    if (!folded.has(id)) node.children.forEach((child, i) => add(child, `${id}.${i}`, depth + 1))
  }
  add(plan, '0', 0)
  return lines
}

const givesLines = (node: PlanNode): boolean => node.lines !== null || node.children.some(givesLines)

/** How the server evaluated a query: every part of it with its share of the time, and what it read and held. */
export function PlanTree({ url, subject }: PlanTreeProps) {
  const p = useMessages().query.plan
  // The server evaluates the query once more for this; it is asked again only when someone wants to.
  const asked = useRef(url)
  const plan = useQuery({
    queryKey: ['explain', subject],
    queryFn: ({ signal }) => explain(asked.current, signal),
    staleTime: Infinity,
    gcTime: 0,
    retry: false,
  })
  const again = () => {
    asked.current = url
    void plan.refetch()
  }
  if (plan.isLoading) return <Skeleton height={90} radius="sm" />
  if (plan.data === undefined) return <p className={styles.note}>{plan.error?.message}</p>
  const { query, steps, elapsedMs, plan: root } = plan.data.data
  return (
    <div className={styles.plan}>
      <header className={styles.head}>
        <b>{p.title}</b>
        <span className="muted">
          {steps > 0 && `${p.steps(steps)} · `}
          {formatSeconds(elapsedMs / 1000)}
        </span>
        <Tooltip label={p.again}>
          <ActionIcon size="sm" aria-label={p.again} onClick={again} loading={plan.isFetching}>
            <IconRefresh size={14} />
          </ActionIcon>
        </Tooltip>
      </header>
      <CodeBlock text={query} language="text" />
      <Tree root={root} />
    </div>
  )
}

function Tree({ root }: { readonly root: PlanNode }) {
  const p = useMessages().query.plan
  const [folded, setFolded] = useState<ReadonlySet<string>>(new Set())
  const [current, setCurrent] = useState('0')
  const body = useRef<HTMLTableSectionElement>(null)
  const lines = useMemo(() => linesOf(root, folded), [root, folded])
  const whole = Math.max(root.totalMs, 0.001)

  const fold = (id: string, away: boolean) => {
    const next = new Set(folded)
    if (away) next.add(id)
    else next.delete(id)
    setFolded(next)
  }
  const focus = (id: string | undefined) => {
    if (id === undefined) return
    setCurrent(id)
    body.current?.querySelector<HTMLElement>(`[data-id="${id}"]`)?.focus()
  }
  const onKeyDown = (event: KeyboardEvent, line: Line) => {
    const at = lines.findIndex((l) => l.id === line.id)
    const inner = line.node.children.length > 0
    const moves: Readonly<Record<string, () => void>> = {
      ArrowDown: () => focus(lines[at + 1]?.id),
      ArrowUp: () => focus(lines[at - 1]?.id),
      Home: () => focus(lines[0]?.id),
      End: () => focus(lines[lines.length - 1]?.id),
      ArrowRight: () => (inner && folded.has(line.id) ? fold(line.id, false) : focus(lines[at + 1]?.id)),
      ArrowLeft: () =>
        inner && !folded.has(line.id)
          ? fold(line.id, true)
          : focus(line.id.includes('.') ? line.id.slice(0, line.id.lastIndexOf('.')) : undefined),
    }
    const move = moves[event.key]
    if (move === undefined) return
    event.preventDefault()
    move()
  }
  return (
    <div className={styles.scroll}>
      <table className={styles.tree} role="treegrid" aria-label={p.title}>
        <thead>
          <tr>
            <th>{p.node}</th>
            <th>{p.time}</th>
            <th className={styles.number}>{p.self}</th>
            <th className={styles.number}>{p.series}</th>
            <th className={styles.number}>{givesLines(root) ? p.lines : p.samples}</th>
            <th className={styles.number}>{p.bytes}</th>
            <th className={styles.number}>{p.memory}</th>
          </tr>
        </thead>
        <tbody ref={body}>
          {lines.map((line) => (
            <tr
              key={line.id}
              data-id={line.id}
              tabIndex={line.id === current ? 0 : -1}
              aria-level={line.depth + 1}
              {...(line.node.children.length > 0 ? { 'aria-expanded': !folded.has(line.id) } : {})}
              onFocus={() => setCurrent(line.id)}
              onKeyDown={(event) => onKeyDown(event, line)}
            >
              <Cells
                line={line}
                whole={whole}
                folded={folded.has(line.id)}
                onFold={() => fold(line.id, !folded.has(line.id))}
              />
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

interface CellsProps {
  readonly line: Line
  readonly whole: number
  readonly folded: boolean
  readonly onFold: () => void
}

function Cells({ line: { node, depth }, whole, folded, onFold }: CellsProps) {
  const p = useMessages().query.plan
  const spoken = language.use()
  const share = (ms: number) => `${Math.min((ms / whole) * 100, 100)}%`
  return (
    <>
      <td>
        <div className={styles.node} style={{ paddingInlineStart: depth * 16 }}>
          {node.children.length > 0 ? (
            <button type="button" tabIndex={-1} onClick={onFold} aria-label={folded ? p.unfold : p.fold}>
              {folded ? <IconChevronRight size={14} /> : <IconChevronDown size={14} />}
            </button>
          ) : (
            <i className={styles.leaf} />
          )}
          <div>
            <code className="mono" title={node.text}>
              {node.head}
            </code>
            {node.notes.map((note) => (
              <small key={note}>{planNote(note, spoken)}</small>
            ))}
          </div>
        </div>
      </td>
      <td>
        <div className={styles.time}>
          <span className={styles.bar} title={`${p.self}: ${share(node.selfMs)}`}>
            <i style={{ width: share(node.totalMs) }} />
            <i style={{ width: share(node.selfMs) }} />
          </span>
          {formatSeconds(node.totalMs / 1000)}
        </div>
      </td>
      <td className={styles.number}>{formatSeconds(node.selfMs / 1000)}</td>
      <td className={styles.number}>{formatCount(node.series)}</td>
      <td className={styles.number}>{formatCount(node.lines ?? node.samples)}</td>
      <td className={styles.number}>{node.bytes === null ? '–' : formatValue(node.bytes, 'bytes')}</td>
      <td className={styles.number}>{formatValue(node.memoryBytes, 'bytes')}</td>
    </>
  )
}
