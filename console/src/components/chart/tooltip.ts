import type uPlot from 'uplot'
import type { MarkedEvent } from '@/api/events'
import { exactTimeText } from '@/lib/clockText'
import type { Scheme } from '@/lib/palette'
import type { ZoneId } from '@/lib/time'
import { formatValue, type Unit } from '@/lib/units'
import styles from './TimeChart.module.css'
import { markColor, marksNear } from './marks'
import type { ChartSeries } from './model'

interface TooltipSource {
  readonly series: () => readonly ChartSeries[]
  readonly shown: (key: string) => boolean
  readonly unit: () => Unit
  readonly zone: () => ZoneId
  /** Set where a time is the middle of a bar, not a moment. */
  readonly barMs: () => number | undefined
  readonly marks: () => readonly MarkedEvent[]
  readonly scheme: () => Scheme
}

/** A pointer farther away than this from every line points at none. */
const nearPixels = 24

/** Events a tooltip holds before it says how many more there are. */
const marksMax = 6

/** Rows a tooltip holds before it says how many more there are. */
const rowsMax = 12

function row(color: string, label: string, value: string, near: boolean): HTMLElement {
  const line = document.createElement('div')
  line.className = styles.tipRow ?? ''
  if (near) line.dataset.near = ''
  const swatch = document.createElement('i')
  swatch.style.background = color
  const name = document.createElement('span')
  name.textContent = label
  const number = document.createElement('b')
  number.textContent = value
  line.append(swatch, name, number)
  return line
}

/** The line closest to the pointer, as it is drawn: stacked and mirrored. */
export function nearestSeries(
  u: uPlot,
  index: number,
  source: Pick<TooltipSource, 'series' | 'shown'>,
  within: number,
): string | null {
  const top = u.cursor.top ?? -1
  if (top < 0) return null
  let best: string | null = null
  let distance = within
  source.series().forEach((series, i) => {
    const drawn = u.data[i + 1]?.[index]
    if (drawn == null || !source.shown(series.key)) return
    const away = Math.abs(u.valToPos(drawn, 'y') - top)
    if (away < distance) {
      distance = away
      best = series.key
    }
  })
  return best
}

/** Values under the cursor, largest first. Plain DOM: it moves with every mouse event and must not wake React. */
export function tooltipPlugin(source: TooltipSource): uPlot.Plugin {
  const tip = document.createElement('div')
  tip.className = styles.tip ?? ''
  tip.hidden = true

  const timeText = (time: number): string => {
    const zone = source.zone()
    const half = (source.barMs() ?? 0) / 2
    if (half === 0) return exactTimeText(time, zone)
    return `${exactTimeText(time - half, zone)} – ${exactTimeText(time + half, zone).slice(11)}`
  }

  const fill = (u: uPlot, index: number) => {
    const time = u.data[0][index]
    const unit = source.unit()
    const rows = source
      .series()
      .filter((s) => source.shown(s.key))
      .map((s) => ({ series: s, value: s.values[index] ?? null }))
      .filter(
        (entry): entry is { series: ChartSeries; value: number } =>
          entry.value !== null && (entry.value !== 0 || source.barMs() === undefined),
      )
      .sort((a, b) => b.value - a.value)
    const head = document.createElement('header')
    head.textContent = time === undefined ? '' : timeText(time)
    const near = rows.length > 1 ? nearest(u, index) : null
    tip.replaceChildren(
      head,
      ...rows
        .slice(0, rowsMax)
        .map(({ series, value }) =>
          row(series.color, series.label, formatValue(value, unit, 4), series.key === near),
        ),
    )
    if (rows.length > rowsMax) tip.append(row('transparent', `+${rows.length - rowsMax}`, '', false))
    const marks = marksNear(u, source.marks(), u.cursor.left ?? -1)
    for (const event of marks.slice(0, marksMax)) {
      const line = row(markColor(event, source.scheme()), event.title, event.result, false)
      line.dataset.event = event.kind
      if (line.firstElementChild instanceof HTMLElement)
        line.firstElementChild.style.borderTopColor = markColor(event, source.scheme())
      line.title = exactTimeText(event.time, source.zone())
      tip.append(line)
    }
    if (marks.length > marksMax) tip.append(row('transparent', `+${marks.length - marksMax}`, '', false))
    return rows.length > 0 || marks.length > 0
  }

  const nearest = (u: uPlot, index: number) => nearestSeries(u, index, source, nearPixels)

  const place = (u: uPlot) => {
    const left = u.cursor.left ?? 0
    const over = u.over.getBoundingClientRect()
    const width = tip.offsetWidth
    const flip = over.left + left + width + 24 > window.innerWidth
    const x = flip ? left - width - 14 : left + 14
    const below = over.top + tip.offsetHeight + 8 < window.innerHeight
    const y = below ? 4 : u.over.clientHeight - tip.offsetHeight - 4
    tip.style.transform = `translate(${Math.round(Math.max(x, -over.left + 4))}px, ${Math.round(y)}px)`
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
        const index = u.cursor.idx
        // Synced cursors of other charts draw their line; only the chart under the hand explains it.
        if (index == null || !u.over.matches(':hover')) {
          tip.hidden = true
          return
        }
        tip.hidden = !fill(u, index)
        if (!tip.hidden) place(u)
      },
    },
  }
}
