import type uPlot from 'uplot'
import type { MarkedEvent } from '@/api/events'
import { withAlpha, type Scheme } from '@/lib/palette'

const colors: Readonly<Record<Scheme, Readonly<Record<string, string>>>> = {
  dark: { grave: '#f2647c', warn: '#ecd06f', other: '#8fb8d8' },
  light: { grave: '#c2253f', warn: '#a87800', other: '#3d79a8' },
}

/** The colour of an event by how grave it is. */
export function markColor(event: MarkedEvent, scheme: Scheme): string {
  const of = colors[scheme]
  const grave = event.severity === 'error' || event.severity === 'fatal'
  return (grave ? of.grave : event.severity === 'warn' ? of.warn : of.other) ?? '#888888'
}

/** A pointer farther away than this from a mark does not mean it. */
const nearPixels = 5

/** Thin lines at events, shaded to their end where they took a while. */
export function drawMarks(u: uPlot, events: readonly MarkedEvent[], scheme: Scheme): void {
  const { left, top, width, height } = u.bbox
  const { ctx } = u
  ctx.save()
  ctx.beginPath()
  ctx.rect(left, top, width, height)
  ctx.clip()
  ctx.lineWidth = Math.max(1, Math.round(devicePixelRatio))
  for (const event of events) {
    const x = Math.round(u.valToPos(event.time, 'x', true))
    const end = event.end === null ? x : Math.round(u.valToPos(event.end, 'x', true))
    if (end < left || x > left + width) continue
    const color = markColor(event, scheme)
    if (end - x > 1) {
      ctx.fillStyle = withAlpha(color, 0.1)
      ctx.fillRect(x, top, end - x, height)
    }
    ctx.strokeStyle = withAlpha(color, 0.75)
    ctx.setLineDash([3 * devicePixelRatio, 3 * devicePixelRatio])
    ctx.beginPath()
    ctx.moveTo(x + 0.5, top)
    ctx.lineTo(x + 0.5, top + height)
    ctx.stroke()
    const tip = 4 * devicePixelRatio
    ctx.fillStyle = color
    ctx.beginPath()
    ctx.moveTo(x - tip, top)
    ctx.lineTo(x + tip, top)
    ctx.lineTo(x, top + tip * 1.4)
    ctx.fill()
  }
  ctx.restore()
}

/** The events whose marks are under the pointer. */
export function marksNear(u: uPlot, events: readonly MarkedEvent[], left: number): readonly MarkedEvent[] {
  return events.filter((event) => Math.abs(u.valToPos(event.time, 'x') - left) <= nearPixels)
}
