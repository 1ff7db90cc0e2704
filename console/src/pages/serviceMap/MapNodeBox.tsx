import {
  IconBox,
  IconDatabase,
  IconMessages,
  IconStack2,
  IconUser,
  IconWorld,
  type Icon,
} from '@tabler/icons-react'
import type { KeyboardEvent } from 'react'
import { healthOf, type MapNode, type NodeType } from '@/lib/map/graph'
import { nodeHeight, nodeWidth, type Placed } from '@/lib/map/layout'
import styles from './MapCanvas.module.css'

const icons: Readonly<Record<NodeType, Icon>> = {
  service: IconBox,
  user: IconUser,
  database: IconDatabase,
  messaging: IconMessages,
  external: IconWorld,
  group: IconStack2,
}

interface MapNodeBoxProps {
  readonly node: MapNode
  readonly at: Placed
  /** The size of letters where only the name is written; null writes the figures, too. */
  readonly plain: number | null
  readonly selected: boolean
  readonly faded: boolean
  readonly focusable: boolean
  readonly figures: string
  readonly title: string
  readonly onSelect: () => void
  readonly onOpen: () => void
  readonly onKeyDown: (event: KeyboardEvent) => void
  readonly onHover: (id: string | null) => void
}

/** Characters that fit beside the icon. */
const charsMax = 19
/** Width of a letter, in its size. */
const letter = 0.58

const clipped = (text: string, max: number): string =>
  text.length > max ? `${text.slice(0, max - 1)}…` : text

export function MapNodeBox(props: MapNodeBoxProps) {
  const { node, at, plain, selected, faded, focusable, figures, title } = props
  const { onSelect, onOpen, onKeyDown, onHover } = props
  const TypeIcon = icons[node.type]
  const failing = node.requests > 0 ? Math.min(node.failed / node.requests, 1) : 0
  const name = node.type === 'group' ? `${node.label} (${node.members.length})` : node.label
  return (
    <g
      id={`service-${node.id}`}
      className={styles.node}
      role="button"
      tabIndex={focusable ? 0 : -1}
      aria-label={title}
      aria-pressed={selected}
      data-health={healthOf(node)}
      data-type={node.type}
      data-faded={faded || undefined}
      transform={`translate(${at.x - nodeWidth / 2} ${at.y - nodeHeight / 2})`}
      onClick={onSelect}
      onDoubleClick={onOpen}
      onKeyDown={onKeyDown}
      onPointerEnter={() => onHover(node.id)}
      onPointerLeave={() => onHover(null)}
    >
      <title>{title}</title>
      {node.type === 'group' && (
        <rect x={4} y={-4} width={nodeWidth - 8} height={8} rx={6} className={styles.behind} />
      )}
      <rect width={nodeWidth} height={nodeHeight} rx={7} className={styles.box} />
      <rect width={4} height={nodeHeight} rx={2} className={styles.health} />
      {failing > 0 && (
        <rect
          x={4}
          y={nodeHeight - 3}
          width={Math.max((nodeWidth - 8) * failing, 2)}
          height={3}
          className={styles.failing}
        />
      )}
      {plain === null && <TypeIcon x={11} y={7} width={15} height={15} stroke={1.6} aria-hidden />}
      {plain !== null ? (
        <text x={11} y={nodeHeight / 2 + plain / 3} fontSize={plain} fontWeight={600}>
          {clipped(name, Math.floor((nodeWidth - 16) / (plain * letter)))}
        </text>
      ) : (
        <>
          <text x={31} y={19} className={styles.label}>
            {clipped(name, charsMax)}
          </text>
          <text x={12} y={37} className={styles.figures}>
            {figures}
          </text>
        </>
      )}
    </g>
  )
}
