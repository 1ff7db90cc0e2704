import type uPlot from 'uplot'
import chart from '@/components/chart/TimeChart.module.css'
import { exactTimeText } from '@/lib/clockText'
import type { ZoneId } from '@/lib/time'
import { formatSeconds } from '@/lib/units'
import type { Point } from './Scatter'
import styles from './ScatterPanel.module.css'

interface NearestSource {
  readonly points: () => readonly Point[]
  readonly zone: () => ZoneId
  readonly open: (point: Point, aside: boolean) => void
}

/** A pointer farther away than this points at nothing. */
const nearPixels = 18
/** A pointer that moved farther between press and release was dragging. */
const dragPixels = 4

/** The point under the hand, in both directions. Plain DOM: it moves with every mouse event and must not wake React. */
export function nearestPlugin(source: NearestSource): uPlot.Plugin {
  const tip = document.createElement('div')
  tip.className = chart.tip ?? ''
  tip.hidden = true
  const ring = document.createElement('i')
  ring.className = styles.ring ?? ''
  ring.hidden = true
  let chosen: Point | null = null
  let pressed = 0

  const place = (u: uPlot, point: Point): readonly [number, number] => {
    const drawn = Math.max(point.ms / 1000, u.scales.y?.min ?? 0)
    return [u.valToPos(point.at, 'x'), u.valToPos(drawn, 'y')]
  }
  const nearest = (u: uPlot): Point | null => {
    const { left = -1, top = -1 } = u.cursor
    if (left < 0 || top < 0) return null
    let best: Point | null = null
    let distance = nearPixels
    for (const point of source.points()) {
      const [x, y] = place(u, point)
      const away = Math.hypot(x - left, y - top)
      // Of points at one place the one drawn last is seen; failures are drawn last.
      if (away < distance || (away === distance && point.failed)) {
        best = point
        distance = away
      }
    }
    return best
  }
  const show = (u: uPlot, point: Point) => {
    const [x, y] = place(u, point)
    ring.style.transform = `translate(${x}px, ${y}px)`
    const head = document.createElement('header')
    head.textContent = exactTimeText(point.at, source.zone())
    const row = document.createElement('div')
    row.className = chart.tipRow ?? ''
    const name = document.createElement('span')
    name.textContent = point.title
    const took = document.createElement('b')
    took.textContent = formatSeconds(point.ms / 1000)
    row.append(name, took)
    tip.replaceChildren(head, row)
    tip.hidden = false
    const flip = x + tip.offsetWidth + 24 > u.over.clientWidth
    const at = flip ? x - tip.offsetWidth - 12 : x + 12
    tip.style.transform = `translate(${Math.round(at)}px, ${Math.round(Math.max(y - tip.offsetHeight - 8, 2))}px)`
  }
  return {
    hooks: {
      init: (u: uPlot) => {
        u.over.append(ring, tip)
        u.over.addEventListener('mouseleave', () => {
          chosen = null
          tip.hidden = ring.hidden = true
        })
        u.over.addEventListener('mousedown', (event) => (pressed = event.clientX))
        u.over.addEventListener('click', (event) => {
          if (chosen === null || Math.abs(event.clientX - pressed) > dragPixels) return
          source.open(chosen, event.ctrlKey || event.metaKey)
        })
      },
      setCursor: (u: uPlot) => {
        chosen = u.over.matches(':hover') ? nearest(u) : null
        u.over.style.cursor = chosen === null ? '' : 'pointer'
        ring.hidden = chosen === null
        if (chosen === null) tip.hidden = true
        else show(u, chosen)
      },
    },
  }
}
