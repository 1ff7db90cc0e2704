import { memo } from 'react'
import { healthOf, type MapEdge } from '@/lib/map/graph'
import { nodeHeight, nodeWidth, type Placed } from '@/lib/map/layout'
import styles from './MapCanvas.module.css'

interface MapEdgePathProps {
  readonly edge: MapEdge
  readonly from: Placed
  readonly to: Placed
  readonly selected: boolean
  readonly faded: boolean
  readonly label: string | null
  readonly title: string
  readonly onSelect: () => void
}

/** From the right of the caller to the left of whom it calls; calls that go back run below. */
function curve(from: Placed, to: Placed): { readonly path: string; readonly middle: Placed } {
  const half = nodeWidth / 2
  if (to.x > from.x) {
    const [x0, x1] = [from.x + half, to.x - half]
    const bend = Math.max((x1 - x0) / 2, 24)
    // Calls over several columns run above what stands between.
    const lift = x1 - x0 > nodeWidth ? Math.min(nodeHeight + (x1 - x0) / 12, 110) : 0
    const [y0, y1] = [from.y - lift, to.y - lift]
    return {
      path: `M${x0} ${from.y}C${x0 + bend} ${y0} ${x1 - bend} ${y1} ${x1} ${to.y}`,
      middle: { x: (x0 + x1) / 2, y: (from.y + to.y) / 2 - lift * 0.75 },
    }
  }
  const low = Math.max(from.y, to.y) + nodeHeight * 1.4
  const [x0, x1] = [from.x + half, to.x - half]
  return {
    path: `M${x0} ${from.y}C${x0 + 60} ${low} ${x1 - 60} ${low} ${x1} ${to.y}`,
    middle: { x: (x0 + x1) / 2, y: (from.y + to.y) / 8 + (low * 3) / 4 },
  }
}

/** A call: wider the more often, coloured by its share of failures. */
export const MapEdgePath = memo(function MapEdgePath(props: MapEdgePathProps) {
  const { edge, from, to, selected, faded, label, title, onSelect } = props
  const { path, middle } = curve(from, to)
  const health = healthOf(edge)
  const width = 1.2 + Math.min(Math.log10(edge.requests + 1), 6) * 0.55
  return (
    <g
      className={styles.edge}
      role="button"
      tabIndex={-1}
      aria-label={title}
      data-health={health}
      data-selected={selected || undefined}
      data-faded={faded || undefined}
      data-connection={edge.connection}
      onClick={onSelect}
    >
      <title>{title}</title>
      <path d={path} className={styles.wide} />
      <path d={path} strokeWidth={width} markerEnd={`url(#arrow-${health})`} className={styles.line} />
      {label !== null && (
        <text x={middle.x} y={middle.y - 4} textAnchor="middle">
          {label}
        </text>
      )}
    </g>
  )
})
