import { Tooltip } from '@mantine/core'
import { IconArrowForward, IconClockPause, IconUser } from '@tabler/icons-react'
import type { ReceiverInfo, RouteNode } from '@/api/routing'
import { useMessages } from '@/i18n'
import { matcherText } from '@/lib/alertMatchers'
import { ms } from '@/lib/brand'
import { formatDuration } from '@/lib/duration'
import { formatCount } from '@/lib/units'
import styles from './RouteTree.module.css'

interface RouteTreeProps {
  /** Each before those below it; the first is the root. */
  readonly routes: readonly RouteNode[]
  readonly receivers: readonly ReceiverInfo[]
  /** The nodes an alert goes through, and those at which it ends up. */
  readonly path: ReadonlySet<number>
  readonly hits: ReadonlySet<number>
  readonly tested: boolean
  /** Nodes whose branches are folded. */
  readonly closed: ReadonlySet<number>
  readonly onToggle: (id: number) => void
}

/** The tree from its root down, each node with the lines that lead to it. */
export function RouteTree(props: RouteTreeProps) {
  const root = props.routes[0]
  if (root === undefined) return null
  return (
    <div className={styles.scroll} tabIndex={0} data-tested={props.tested || undefined}>
      <ul className={styles.tree} role="tree">
        <Branch {...props} node={root} above={null} />
      </ul>
    </div>
  )
}

interface BranchProps extends RouteTreeProps {
  readonly node: RouteNode
  readonly above: RouteNode | null
}

function Branch(props: BranchProps) {
  const r = useMessages('alerts').alerts.routes
  const { node, routes, path, hits, closed, onToggle } = props
  const open = !closed.has(node.id)
  return (
    <li
      role="treeitem"
      aria-expanded={node.below.length === 0 ? undefined : open}
      data-on={path.has(node.id) || undefined}
    >
      <div
        className={styles.node}
        data-hit={hits.has(node.id) || undefined}
        data-on={path.has(node.id) || undefined}
      >
        <Node {...props} />
      </div>
      {node.below.length > 0 && (
        <button type="button" className={styles.fold} onClick={() => onToggle(node.id)}>
          {open ? '−' : '+'}
          <span>{r.collapse(node.below.length)}</span>
        </button>
      )}
      {node.below.length > 0 && open && (
        <ul role="group">
          {node.below.map((id) => {
            const child = routes[id]
            return child === undefined ? null : <Branch key={id} {...props} node={child} above={node} />
          })}
        </ul>
      )}
    </li>
  )
}

const seconds = (value: number): string => formatDuration(ms(value * 1000))

const sameList = (a: readonly string[] | null, b: readonly string[] | null): boolean =>
  JSON.stringify(a) === JSON.stringify(b)

function Node({ node, above, receivers }: BranchProps) {
  const r = useMessages('alerts').alerts.routes
  const silent = receivers.some(({ name, ways }) => name === node.receiver && ways.length === 0)
  const waits = [node.groupWaitSeconds, node.groupIntervalSeconds, node.repeatIntervalSeconds] as const
  const timed =
    above?.groupWaitSeconds !== waits[0] ||
    above.groupIntervalSeconds !== waits[1] ||
    above.repeatIntervalSeconds !== waits[2]
  const grouped = above === null || !sameList(above.groupBy, node.groupBy)
  const [wait, interval, repeat] = waits.map(seconds) as [string, string, string]
  return (
    <>
      <span className={styles.matchers}>
        {node.matchers.length === 0 ? (
          <i>{r.every}</i>
        ) : (
          node.matchers.map((matcher) => <code key={matcherText(matcher)}>{matcherText(matcher)}</code>)
        )}
      </span>
      <span className={styles.receiver} data-silent={silent || undefined}>
        <IconUser size={14} stroke={1.8} aria-hidden />
        {node.receiver}
      </span>
      {grouped && (
        <span className={styles.fact}>
          {node.groupBy === null
            ? r.groupAll
            : node.groupBy.length === 0
              ? r.groupNone
              : `${r.groupBy} ${node.groupBy.join(', ')}`}
        </span>
      )}
      {timed && (
        <Tooltip label={r.waitsHelp(wait, interval, repeat)} multiline maw={320}>
          <span className={styles.fact} tabIndex={0}>
            {r.waits(wait, interval, repeat)}
          </span>
        </Tooltip>
      )}
      {node.goesOn && (
        <Tooltip label={r.continuesHelp}>
          <span className={styles.fact} tabIndex={0}>
            <IconArrowForward size={14} aria-hidden /> {r.continues}
          </span>
        </Tooltip>
      )}
      {node.muteTimes.length > 0 && <span className={styles.fact}>{r.mute(node.muteTimes.join(', '))}</span>}
      {node.activeTimes.length > 0 && (
        <span className={styles.fact}>{r.activeAt(node.activeTimes.join(', '))}</span>
      )}
      {node.mutedBy.length > 0 && (
        <span className={styles.muted}>
          <IconClockPause size={14} aria-hidden /> {r.muted(node.mutedBy.join(', '))}
        </span>
      )}
      {node.alerts > 0 && (
        <span className={styles.standing}>
          {node.alerts === 1 ? r.standingOne : r.standing(formatCount(node.alerts), formatCount(node.groups))}
        </span>
      )}
    </>
  )
}
