import { useElementSize } from '@mantine/hooks'
import { useEffect, useRef, useState, type PointerEvent } from 'react'
import { useMessages } from '@/i18n'
import { failed, type Tree } from '@/lib/trace/tree'
import { formatSeconds } from '@/lib/units'
import styles from './Minimap.module.css'
import type { Zoom } from './view'

interface MinimapProps {
  readonly tree: Tree
  readonly colors: ReadonlyMap<string, string>
  readonly errorColor: string
  readonly zoom: Zoom | null
  readonly onZoom: (zoom: Zoom | null) => void
}

const height = 56
/** A shorter way of the pointer is a click, not a part of the time. */
const dragPixels = 4

/** All spans at once; dragging chooses the part of the time that is shown below. */
export function Minimap({ tree, colors, errorColor, zoom, onZoom }: MinimapProps) {
  const t = useMessages('trace').trace
  const { ref, width } = useElementSize<HTMLDivElement>()
  const canvas = useRef<HTMLCanvasElement>(null)
  const brush = useBrush(tree.duration, onZoom)

  useEffect(() => {
    const node = canvas.current
    if (node === null || width === 0) return
    const scale = window.devicePixelRatio
    node.width = Math.round(width * scale)
    node.height = Math.round(height * scale)
    const context = node.getContext('2d')
    if (context !== null) paint(context, tree, colors, errorColor)
  }, [tree, colors, errorColor, width])

  const share = (ns: number) => `${(ns / Math.max(tree.duration, 1)) * 100}%`
  const shown = brush.part ?? zoom
  return (
    <div
      ref={ref}
      className={styles.map}
      style={{ height }}
      role="img"
      aria-label={t.minimap(formatSeconds(tree.duration / 1e9))}
      title={t.minimapHelp}
      {...brush.handlers}
    >
      <canvas ref={canvas} aria-hidden />
      {shown !== null && (
        <>
          <i className={styles.shade} style={{ left: 0, width: share(shown.from) }} />
          <i className={styles.shade} style={{ left: share(shown.to), right: 0 }} />
          <i
            className={styles.frame}
            style={{ left: share(shown.from), width: share(shown.to - shown.from) }}
          />
        </>
      )}
    </div>
  )
}

/** Dragging over a strip that stands for a time chooses a part of it; a double click, all of it. */
export function useBrush(duration: number, onZoom: (zoom: Zoom | null) => void, within: Zoom | null = null) {
  const [part, setPart] = useState<Zoom | null>(null)
  const start = useRef<{ readonly x: number; readonly ns: number } | null>(null)
  const from = within?.from ?? 0
  const span = (within?.to ?? duration) - from
  const at = (event: PointerEvent<HTMLElement>) => {
    const box = event.currentTarget.getBoundingClientRect()
    return from + Math.min(Math.max((event.clientX - box.left) / box.width, 0), 1) * span
  }
  const chosen = (event: PointerEvent<HTMLElement>): Zoom | null => {
    const begun = start.current
    if (begun === null || Math.abs(event.clientX - begun.x) < dragPixels) return null
    const ns = at(event)
    return { from: Math.min(begun.ns, ns), to: Math.max(begun.ns, ns) }
  }
  return {
    part,
    handlers: {
      onPointerDown: (event: PointerEvent<HTMLElement>) => {
        if (event.button !== 0) return
        event.currentTarget.setPointerCapture(event.pointerId)
        start.current = { x: event.clientX, ns: at(event) }
      },
      onPointerMove: (event: PointerEvent<HTMLElement>) => {
        if (start.current !== null) setPart(chosen(event))
      },
      onPointerUp: (event: PointerEvent<HTMLElement>) => {
        const zoom = chosen(event)
        start.current = null
        setPart(null)
        if (zoom !== null) onZoom(zoom)
      },
      onDoubleClick: () => onZoom(null),
    },
  }
}

function paint(
  context: CanvasRenderingContext2D,
  tree: Tree,
  colors: ReadonlyMap<string, string>,
  errorColor: string,
): void {
  const { width, height: rows } = context.canvas
  const count = Math.max(tree.spans.length, 1)
  const each = Math.min(rows / count, 6 * window.devicePixelRatio)
  const thick = Math.max(each * 0.8, 1)
  const scale = width / Math.max(tree.duration, 1)
  context.clearRect(0, 0, width, rows)
  tree.spans.forEach((span, at) => {
    context.fillStyle = failed(span) ? errorColor : (colors.get(span.service) ?? '#888888')
    context.fillRect(span.offset * scale, at * each, Math.max(span.duration * scale, 1), thick)
  })
}
