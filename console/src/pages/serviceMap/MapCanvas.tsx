import { ActionIcon, Tooltip } from '@mantine/core'
import { useElementSize, useMergedRef } from '@mantine/hooks'
import { IconFocusCentered, IconMinus, IconPlus } from '@tabler/icons-react'
import { useEffect, useMemo, useRef, useState, type KeyboardEvent, type PointerEvent } from 'react'
import { useMessages } from '@/i18n'
import { healthOf, type MapEdge, type MapGraph, type MapNode } from '@/lib/map/graph'
import { layoutOf, nextNode, type MapLayout } from '@/lib/map/layout'
import { formatSeconds, formatValue } from '@/lib/units'
import { MapEdgePath } from './MapEdgePath'
import { MapNodeBox } from './MapNodeBox'
import styles from './MapCanvas.module.css'

interface MapCanvasProps {
  readonly graph: MapGraph
  readonly seconds: number
  readonly service: string | null
  readonly edge: string | null
  /** Nodes whose name has the text that is looked for; null if none is. */
  readonly found: ReadonlySet<string> | null
  readonly onService: (id: string | null) => void
  readonly onEdge: (id: string) => void
  readonly onOpen: (node: MapNode) => void
}

interface View {
  readonly x: number
  readonly y: number
  readonly scale: number
}

const scaleMin = 0.15
const scaleMax = 2.5
/** Below this only names are written, so large that they can be read. */
const namesOnly = 0.72
const readablePixels = 11
const lettersMax = 30

/** The drawing of services and calls; it is moved by dragging, scaled by the wheel, and walked by the arrow keys. */
export function MapCanvas(props: MapCanvasProps) {
  const { graph, seconds, service, edge, found, onService, onEdge, onOpen } = props
  const t = useMessages('serviceMap').serviceMap
  const { ref: sized, width, height } = useElementSize<HTMLDivElement>()
  const box = useRef<HTMLDivElement>(null)
  const ref = useMergedRef(sized, box)
  const layout = useMemo(() => layoutOf(graph), [graph])
  const [moved, setMoved] = useState<View | null>(null)
  const fit = fitted(layout, width, height)
  const view = moved ?? fit
  const shape = graph.nodes.map(({ id }) => id).join('\n')
  useEffect(() => setMoved(null), [shape])
  const zoom = (by: number, x = width / 2, y = height / 2) => setMoved(scaled(view, by, x, y))
  const latest = useRef(zoom)
  useEffect(() => {
    latest.current = zoom
  })
  useEffect(() => {
    const node = box.current
    if (node === null) return undefined
    // React listens to wheels passively; the page must not scroll below.
    const wheel = (event: WheelEvent) => {
      event.preventDefault()
      const { left, top } = node.getBoundingClientRect()
      latest.current(Math.exp(-event.deltaY / 400), event.clientX - left, event.clientY - top)
    }
    node.addEventListener('wheel', wheel, { passive: false })
    return () => node.removeEventListener('wheel', wheel)
  }, [])
  const drag = useDrag(view, setMoved)

  const near = useMemo(() => neighboursOf(graph, service, edge), [graph, service, edge])
  const [hovered, setHovered] = useState<string | null>(null)
  // Where nothing was found, everything is as it was.
  const none = found === null || found.size === 0
  const shown = (id: string) => (near === null || near.nodes.has(id)) && (none || found.has(id))
  const focusable = service ?? graph.nodes[0]?.id ?? null
  const move = (event: KeyboardEvent, from: MapNode) => {
    const direction = arrows.get(event.key)
    if (event.key === 'Escape') onService(null)
    else if (event.key === 'Enter' && from.type === 'group') onOpen(from)
    else if (event.key === 'Enter' || event.key === ' ') onService(from.id)
    else if (direction !== undefined) {
      const next = nextNode(layout, from.id, direction)
      if (next === null) return
      onService(next)
      document.getElementById(nodeDomId(next))?.focus()
    } else return
    event.preventDefault()
    event.stopPropagation()
  }
  const rate = (requests: number) => formatValue(requests / Math.max(seconds, 1), 'per-second', 2)
  return (
    <div ref={ref} className={styles.canvas} {...drag}>
      <svg
        width={width}
        height={height}
        role="group"
        aria-label={t.drawing(graph.nodes.length, graph.edges.length)}
        onClick={(event) => {
          if (event.target === event.currentTarget) onService(null)
        }}
      >
        <defs>
          {(['good', 'warn', 'bad'] as const).map((health) => (
            <marker
              key={health}
              id={`arrow-${health}`}
              viewBox="0 0 8 8"
              refX="7"
              refY="4"
              markerWidth="9"
              markerHeight="9"
              markerUnits="userSpaceOnUse"
              orient="auto"
            >
              <path d="M0 0.5 8 4 0 7.5z" className={styles.arrow} data-health={health} />
            </marker>
          ))}
        </defs>
        <g transform={`translate(${view.x} ${view.y}) scale(${view.scale})`}>
          {graph.edges.map((of) => {
            const from = layout.places.get(of.from)
            const to = layout.places.get(of.to)
            if (from === undefined || to === undefined) return null
            const lit = near?.edges.has(of.id) === true || hovered === of.from || hovered === of.to
            return (
              <MapEdgePath
                key={of.id}
                edge={of}
                from={from}
                to={to}
                selected={edge === of.id}
                faded={!(near === null || near.edges.has(of.id)) || (!none && !lit)}
                label={lit || edge === of.id || graph.edges.length <= labelledMax ? edgeText(of, rate) : null}
                title={t.edge(of.from, of.to, rate(of.requests), percent(of), quantile(of.p95))}
                onSelect={() => onEdge(of.id)}
              />
            )
          })}
          {graph.nodes.map((node) => {
            const at = layout.places.get(node.id)
            if (at === undefined) return null
            return (
              <MapNodeBox
                key={node.id}
                node={node}
                at={at}
                plain={view.scale < namesOnly ? Math.min(readablePixels / view.scale, lettersMax) : null}
                selected={service === node.id}
                faded={!shown(node.id)}
                focusable={focusable === node.id}
                figures={`${rate(node.requests)} · ${percent(node)} · ${quantile(node.p95)}`}
                title={t.node(
                  node.label,
                  t.types[node.type],
                  rate(node.requests),
                  percent(node),
                  quantile(node.p95),
                )}
                onSelect={() => onService(service === node.id ? null : node.id)}
                onOpen={() => onOpen(node)}
                onKeyDown={(event) => move(event, node)}
                onHover={setHovered}
              />
            )
          })}
        </g>
      </svg>
      <div className={styles.tools}>
        <Tool label={t.zoomIn} onClick={() => zoom(1.3)} icon={<IconPlus size={15} />} />
        <Tool label={t.zoomOut} onClick={() => zoom(1 / 1.3)} icon={<IconMinus size={15} />} />
        <Tool label={t.fit} onClick={() => setMoved(null)} icon={<IconFocusCentered size={15} />} />
      </div>
    </div>
  )
}

const arrows: ReadonlyMap<string, 'left' | 'right' | 'up' | 'down'> = new Map([
  ['ArrowLeft', 'left'],
  ['ArrowRight', 'right'],
  ['ArrowUp', 'up'],
  ['ArrowDown', 'down'],
])

/** With so few calls each is labelled; with more, those of the service under the hand or in focus. */
const labelledMax = 24

export const nodeDomId = (id: string): string => `service-${id}`

const percent = ({ requests, failed }: { readonly requests: number; readonly failed: number }): string =>
  formatValue(requests > 0 ? Math.min(failed / requests, 1) : 0, 'ratio', 2)
const quantile = (seconds: number | null): string => (seconds === null ? '–' : formatSeconds(seconds, 2))

const edgeText = (of: MapEdge, rate: (requests: number) => string): string =>
  [rate(of.requests), healthOf(of) === 'good' ? null : percent(of), of.p95 === null ? null : quantile(of.p95)]
    .filter((part) => part !== null)
    .join(' · ')

function Tool({
  label,
  onClick,
  icon,
}: {
  readonly label: string
  readonly onClick: () => void
  readonly icon: React.ReactNode
}) {
  return (
    <Tooltip label={label} position="left">
      <ActionIcon variant="default" aria-label={label} onClick={onClick}>
        {icon}
      </ActionIcon>
    </Tooltip>
  )
}

function fitted(layout: MapLayout, width: number, height: number): View {
  const scale = Math.min(Math.max(Math.min(width / layout.width, height / layout.height), scaleMin), 1.1)
  return { scale, x: (width - layout.width * scale) / 2, y: (height - layout.height * scale) / 2 }
}

function scaled(view: View, by: number, x: number, y: number): View {
  const scale = Math.min(Math.max(view.scale * by, scaleMin), scaleMax)
  const ratio = scale / view.scale
  return { scale, x: x - (x - view.x) * ratio, y: y - (y - view.y) * ratio }
}

/** Who stands beside what is chosen. */
function neighboursOf(graph: MapGraph, service: string | null, edge: string | null) {
  const chosen = graph.edges.filter(({ id, from, to }) =>
    service === null ? id === edge : from === service || to === service,
  )
  if (service === null && chosen.length === 0) return null
  if (service !== null && !graph.nodes.some(({ id }) => id === service)) return null
  const nodes = new Set(chosen.flatMap(({ from, to }) => [from, to]))
  if (service !== null) nodes.add(service)
  return { nodes, edges: new Set(chosen.map(({ id }) => id)) }
}

function useDrag(view: View, onMove: (view: View) => void) {
  const start = useRef<{ readonly x: number; readonly y: number; readonly view: View } | null>(null)
  return {
    onPointerDown: (event: PointerEvent<HTMLElement>) => {
      // Whatever can be pressed takes the press for itself.
      const pressed = event.nativeEvent
        .composedPath()
        .some((node) => node instanceof Element && (node.role === 'button' || node.tagName === 'BUTTON'))
      if (event.button === 0 && !pressed) start.current = { x: event.clientX, y: event.clientY, view }
    },
    onPointerMove: (event: PointerEvent<HTMLElement>) => {
      const begun = start.current
      if (begun === null) return
      if (event.buttons === 0) {
        start.current = null
        return
      }
      const { x, y } = begun.view
      onMove({ ...begun.view, x: x + event.clientX - begun.x, y: y + event.clientY - begun.y })
    },
    onPointerUp: () => (start.current = null),
    onPointerLeave: () => (start.current = null),
  }
}
