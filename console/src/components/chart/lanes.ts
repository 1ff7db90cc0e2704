import type uPlot from 'uplot'
import type { ServerEvent } from '@/api/events'
import { exactTimeText } from '@/lib/clockText'
import { chartColors, withAlpha, type Scheme } from '@/lib/palette'
import type { ZoneId } from '@/lib/time'
import { formatSeconds } from '@/lib/units'
import styles from './TimeChart.module.css'
import { markColor } from './marks'

export interface Lane {
  readonly key: string
  readonly label: string
  readonly color: string
  readonly events: readonly ServerEvent[]
  /** All there are, bucket by bucket, where that is known. */
  readonly counts: {
    readonly start: number
    readonly stepMs: number
    readonly values: readonly number[]
  } | null
}

/** A pointer farther away than this from a mark does not mean it. */
const nearPixels = 6
/** Events a tooltip holds before it says how many more there are. */
const tipMax = 8

interface Row {
  readonly top: number
  readonly height: number
}

/** Where a lane is drawn, in pixels of the canvas; the first lane is at the top. */
function rowOf(u: uPlot, lanes: readonly Lane[], index: number): Row {
  const height = u.bbox.height / Math.max(lanes.length, 1)
  return { top: u.bbox.top + index * height, height }
}

function drawCounts(u: uPlot, lane: Lane, row: Row): void {
  if (lane.counts === null) return
  const { start, stepMs, values } = lane.counts
  const most = Math.max(...values, 1)
  u.ctx.fillStyle = withAlpha(lane.color, 0.22)
  values.forEach((count, i) => {
    if (count === 0) return
    const x = u.valToPos(start + i * stepMs, 'x', true)
    const end = u.valToPos(start + (i + 1) * stepMs, 'x', true)
    const tall = Math.max((count / most) * (row.height - 4), 2)
    u.ctx.fillRect(x, row.top + row.height - 1 - tall, Math.max(end - x - 1, 1), tall)
  })
}

function drawEvent(u: uPlot, event: ServerEvent, row: Row, scheme: Scheme, selected: boolean): void {
  const { ctx } = u
  const scale = devicePixelRatio
  const x = u.valToPos(event.time, 'x', true)
  const end = event.end === null ? x : u.valToPos(event.end, 'x', true)
  const color = markColor(event, scheme)
  const middle = row.top + row.height / 2
  if (end - x > 3 * scale) {
    const tall = row.height * 0.5
    ctx.fillStyle = withAlpha(color, 0.45)
    ctx.fillRect(x, middle - tall / 2, end - x, tall)
    ctx.fillStyle = color
    ctx.fillRect(x, middle - tall / 2, 2 * scale, tall)
  } else {
    const size = 4 * scale
    ctx.fillStyle = color
    ctx.beginPath()
    ctx.moveTo(x, middle - size)
    ctx.lineTo(x + size, middle)
    ctx.lineTo(x, middle + size)
    ctx.lineTo(x - size, middle)
    ctx.fill()
  }
  if (!selected) return
  ctx.strokeStyle = color
  ctx.lineWidth = 2 * scale
  ctx.strokeRect(
    x - 6 * scale,
    middle - row.height * 0.36,
    Math.max(end - x, 0) + 12 * scale,
    row.height * 0.72,
  )
}

/** Lanes with what is in them; the oldest first, so that the newest lies on top. */
export function drawLanes(u: uPlot, lanes: readonly Lane[], scheme: Scheme, selected: string | null): void {
  const { ctx } = u
  const { left, top, width, height } = u.bbox
  ctx.save()
  ctx.beginPath()
  ctx.rect(left, top - 1, width, height + 2)
  ctx.clip()
  lanes.forEach((lane, index) => {
    const row = rowOf(u, lanes, index)
    ctx.strokeStyle = chartColors[scheme].grid
    ctx.lineWidth = devicePixelRatio
    ctx.beginPath()
    ctx.moveTo(left, Math.round(row.top + row.height) - 0.5)
    ctx.lineTo(left + width, Math.round(row.top + row.height) - 0.5)
    ctx.stroke()
    drawCounts(u, lane, row)
    for (let i = lane.events.length - 1; i >= 0; i--) {
      const event = lane.events[i]
      if (event !== undefined) drawEvent(u, event, row, scheme, event.key === selected)
    }
  })
  ctx.restore()
}

/** The events under the pointer, the nearest first: marks near it, and bars it is on. */
export function eventsAt(u: uPlot, lanes: readonly Lane[]): readonly ServerEvent[] {
  const left = u.cursor.left ?? -1
  const top = u.cursor.top ?? -1
  if (left < 0 || top < 0) return []
  const lane = lanes[Math.floor((top / Math.max(u.over.clientHeight, 1)) * lanes.length)]
  if (lane === undefined) return []
  const near = lane.events.flatMap((event) => {
    const x = u.valToPos(event.time, 'x')
    const end = event.end === null ? x : u.valToPos(event.end, 'x')
    const away = left < x ? x - left : left > end ? left - end : 0
    return away <= nearPixels ? [{ event, away: away + Math.abs(x - left) / 1000 }] : []
  })
  return near.sort((a, b) => a.away - b.away).map(({ event }) => event)
}

/** Names what is under the pointer. Plain DOM, as that of other charts. */
export function lanesTip(
  under: (u: uPlot) => readonly ServerEvent[],
  zone: () => ZoneId,
  scheme: Scheme,
): uPlot.Plugin {
  const tip = document.createElement('div')
  tip.className = styles.tip ?? ''
  tip.hidden = true
  const line = (event: ServerEvent) => {
    const row = document.createElement('div')
    row.className = styles.tipRow ?? ''
    row.dataset.event = event.kind
    const mark = document.createElement('i')
    mark.style.borderTopColor = markColor(event, scheme)
    const name = document.createElement('span')
    name.textContent = [event.service, event.title].filter((text) => text !== '').join(' · ')
    const told = document.createElement('b')
    const took = event.durationNs === null ? '' : formatSeconds(event.durationNs / 1e9)
    told.textContent = [event.result, took].filter((text) => text !== '').join(' ')
    row.append(mark, name, told)
    return row
  }
  const place = (u: uPlot) => {
    const left = u.cursor.left ?? 0
    const over = u.over.getBoundingClientRect()
    const flip = over.left + left + tip.offsetWidth + 24 > window.innerWidth
    const x = Math.max(flip ? left - tip.offsetWidth - 14 : left + 14, -over.left + 4)
    const top = u.cursor.top ?? 0
    const below = over.top + top + tip.offsetHeight + 16 < window.innerHeight
    tip.style.transform = `translate(${Math.round(x)}px, ${Math.round(below ? top + 10 : top - tip.offsetHeight - 10)}px)`
  }
  return {
    hooks: {
      init: (u: uPlot) => {
        u.over.append(tip)
        u.over.addEventListener('mouseleave', () => {
          tip.hidden = true
        })
      },
      setCursor: (u: uPlot) => {
        const events = u.over.matches(':hover') ? under(u) : []
        tip.hidden = events.length === 0
        u.over.style.cursor = events.length === 0 ? '' : 'pointer'
        if (tip.hidden) return
        const head = document.createElement('header')
        head.textContent = exactTimeText(events[0]?.time ?? 0, zone())
        tip.replaceChildren(head, ...events.slice(0, tipMax).map(line))
        if (events.length > tipMax) {
          const more = document.createElement('header')
          more.textContent = `+${events.length - tipMax}`
          tip.append(more)
        }
        place(u)
      },
    },
  }
}
