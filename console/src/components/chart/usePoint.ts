import { useRef, type KeyboardEvent, type MouseEvent, type RefObject } from 'react'
import type uPlot from 'uplot'
import type { ChartPoint, ChartSeries } from './model'
import { nearestSeries } from './tooltip'

/** A pointer that moved farther was dragging. */
const dragPixels = 4
/** A second click within this widens the range instead. */
const doubleClickMs = 250

interface Lines {
  readonly series: () => readonly ChartSeries[]
  readonly shown: (key: string) => boolean
}

/** The next column in a direction at which any shown line has a value. */
function step(u: uPlot, from: number, by: 1 | -1, lines: Lines): number {
  for (let at = from + by; at >= 0 && at < u.data[0].length; at += by) {
    if (lines.series().some((s, i) => lines.shown(s.key) && u.data[i + 1]?.[at] != null)) return at
  }
  return from
}

/** The lines at a column, from top to bottom, by where they are drawn. */
function heights(u: uPlot, index: number, lines: Lines): number[] {
  const all = lines.series().flatMap((s, i) => {
    const drawn = u.data[i + 1]?.[index]
    return drawn == null || !lines.shown(s.key) ? [] : [u.valToPos(drawn, 'y')]
  })
  return [...new Set(all)].sort((a, b) => a - b)
}

/**
 * Lets a chart be pointed at: by a click that is neither a drag nor the first half of a double click, or by the arrow
 * keys and Enter.
 */
export function usePoint(
  chart: RefObject<uPlot | null>,
  onPoint: ((point: ChartPoint) => void) | undefined,
  lines: Lines,
) {
  const pressed = useRef({ x: 0, timer: 0 })
  if (onPoint === undefined) return {}
  const told = (u: uPlot, index: number, x: number, y: number) => {
    const time = u.data[0][index]
    if (time === undefined) return
    onPoint({ time, seriesKey: nearestSeries(u, index, lines, Infinity), x, y })
  }
  const onClick = (event: MouseEvent) => {
    window.clearTimeout(pressed.current.timer)
    const u = chart.current
    const over = event.target instanceof Element ? event.target.closest('.u-over') : null
    const dragged = Math.abs(event.clientX - pressed.current.x) > dragPixels
    if (u === null || over === null || dragged || event.detail > 1) return
    const index = u.cursor.idx
    const { clientX, clientY } = event
    if (index == null) return
    pressed.current.timer = window.setTimeout(() => told(u, index, clientX, clientY), doubleClickMs)
  }
  const onKeyDown = (event: KeyboardEvent) => {
    const u = chart.current
    if (u === null || event.ctrlKey || event.metaKey || event.altKey) return
    const left = u.cursor.left ?? -1
    const known = left < 0 ? null : (u.cursor.idx ?? null)
    const at = known ?? step(u, u.data[0].length, -1, lines)
    const place = (index: number, top?: number) => {
      const tops = heights(u, index, lines)
      const wanted = top ?? u.cursor.top ?? tops[0] ?? 0
      const nearest = [...tops].sort((a, b) => Math.abs(a - wanted) - Math.abs(b - wanted))[0]
      u.setCursor({ left: u.valToPos(u.data[0][index] ?? 0, 'x'), top: nearest ?? wanted })
    }
    if (event.key === 'ArrowLeft' || event.key === 'ArrowRight') {
      place(known === null ? at : step(u, at, event.key === 'ArrowLeft' ? -1 : 1, lines))
    } else if (event.key === 'ArrowUp' || event.key === 'ArrowDown') {
      const tops = heights(u, at, lines)
      const top = u.cursor.top ?? -1
      const above = tops.filter((y) => y < top - 0.5).at(-1)
      const below = tops.find((y) => y > top + 0.5)
      place(at, (event.key === 'ArrowUp' ? above : below) ?? top)
    } else if (event.key === 'Enter') {
      if (known === null) place(at)
      const box = u.over.getBoundingClientRect()
      told(u, at, box.left + (u.cursor.left ?? 0), box.top + (u.cursor.top ?? 0))
    } else {
      return
    }
    event.preventDefault()
    event.stopPropagation()
  }
  return {
    tabIndex: 0,
    onMouseDown: (event: MouseEvent) => {
      pressed.current.x = event.clientX
    },
    onClick,
    onKeyDown,
  }
}
