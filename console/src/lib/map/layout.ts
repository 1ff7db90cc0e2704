import type { MapGraph } from './graph'

export interface Placed {
  /** The middle of a node. */
  readonly x: number
  readonly y: number
}

export interface MapLayout {
  readonly places: ReadonlyMap<string, Placed>
  readonly width: number
  readonly height: number
}

export const nodeWidth = 168
export const nodeHeight = 46
/** Room for what is written on a call; where there are many, nothing is. */
const wideGap = 128
const narrowGap = 60
const manyNodes = 60
const rowGap = 18
const margin = 24
/** Times that layers are put in order by their neighbours. */
const sweeps = 12
/** A layer that is higher stands in several columns. */
const rowsMin = 8

/**
 * A layered drawing (after Sugiyama, Tagawa and Toda, 1981): callers stand left of whom they call, layers are put in
 * order so that calls cross little, and nodes are drawn towards their neighbours. The same graph always looks the same.
 */
export function layoutOf(graph: MapGraph): MapLayout {
  const ids = graph.nodes.map(({ id }) => id)
  const edges = forward(graph)
  const layers = layersOf(ids, edges)
  const gap = ids.length > manyNodes ? narrowGap : wideGap
  const columns = layers.flatMap((layer) => split(layer, rowsFor(ids.length, gap)))
  order(columns, edges)
  return place(columns, edges, gap)
}

type Edge = readonly [from: string, to: string]

/** As high as it is wide, about: a wall of two hundred is not read from top to bottom. */
function rowsFor(count: number, gap: number): number {
  const ratio = (nodeWidth + gap) / (nodeHeight + rowGap)
  return Math.max(rowsMin, Math.ceil(Math.sqrt((count * ratio) / 1.6)))
}

function split(layer: readonly string[], rows: number): string[][] {
  const parts = Math.max(Math.ceil(layer.length / rows), 1)
  const size = Math.ceil(layer.length / parts)
  return Array.from({ length: parts }, (_, i) => layer.slice(i * size, (i + 1) * size))
}

/** The calls without those that close a circle, which are seen from the beginnings of the graph. */
function forward(graph: MapGraph): Edge[] {
  const next = new Map<string, string[]>()
  const called = new Set<string>()
  for (const { from, to } of graph.edges) {
    if (from === to) continue
    next.set(from, [...(next.get(from) ?? []), to])
    called.add(to)
  }
  const ids = graph.nodes.map(({ id }) => id)
  const begins = [...ids.filter((id) => !called.has(id)), ...ids]
  const state = new Map<string, 'open' | 'done'>()
  const out: Edge[] = []
  for (const begin of begins) {
    if (state.has(begin)) continue
    const stack: { readonly id: string; next: number }[] = [{ id: begin, next: 0 }]
    state.set(begin, 'open')
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      const to = next.get(top.id)?.[top.next++]
      if (to === undefined) {
        state.set(top.id, 'done')
        stack.pop()
      } else if (state.get(to) !== 'open') {
        out.push([top.id, to])
        if (!state.has(to)) {
          state.set(to, 'open')
          stack.push({ id: to, next: 0 })
        }
      }
    }
  }
  return out
}

/** Each node behind all that call it; who calls nobody and is not called stands first. */
function layersOf(ids: readonly string[], edges: readonly Edge[]): string[][] {
  const incoming = new Map<string, number>()
  const next = new Map<string, string[]>()
  for (const [from, to] of edges) {
    incoming.set(to, (incoming.get(to) ?? 0) + 1)
    next.set(from, [...(next.get(from) ?? []), to])
  }
  const rank = new Map<string, number>()
  const ready = ids.filter((id) => (incoming.get(id) ?? 0) === 0)
  for (let id = ready.shift(); id !== undefined; id = ready.shift()) {
    const own = rank.get(id) ?? 0
    rank.set(id, own)
    for (const to of next.get(id) ?? []) {
      rank.set(to, Math.max(rank.get(to) ?? 0, own + 1))
      const left = (incoming.get(to) ?? 1) - 1
      incoming.set(to, left)
      if (left === 0) ready.push(to)
    }
  }
  const layers: string[][] = []
  for (const id of ids) (layers[rank.get(id) ?? 0] ??= []).push(id)
  return layers.filter((layer) => layer.length > 0)
}

function neighbours(edges: readonly Edge[]): ReadonlyMap<string, readonly string[]> {
  const out = new Map<string, string[]>()
  const add = (a: string, b: string) => out.set(a, [...(out.get(a) ?? []), b])
  for (const [from, to] of edges) {
    add(from, to)
    add(to, from)
  }
  return out
}

/** Puts each column in the order of the middle of its neighbours, forth and back. */
function order(columns: string[][], edges: readonly Edge[]): void {
  const near = neighbours(edges)
  const at = new Map<string, number>()
  const remember = (column: readonly string[]) =>
    column.forEach((id, index) => at.set(id, (index + 0.5) / column.length))
  columns.forEach(remember)
  for (let sweep = 0; sweep < sweeps; sweep++) {
    const walk = sweep % 2 === 0 ? columns : [...columns].reverse()
    for (const column of walk) {
      const wish = new Map(column.map((id) => [id, mean(near.get(id), at) ?? at.get(id) ?? 0]))
      column.sort((a, b) => (wish.get(a) ?? 0) - (wish.get(b) ?? 0) || a.localeCompare(b))
      remember(column)
    }
  }
}

function mean(ids: readonly string[] | undefined, of: ReadonlyMap<string, number>): number | null {
  if (ids === undefined || ids.length === 0) return null
  return ids.reduce((sum, id) => sum + (of.get(id) ?? 0), 0) / ids.length
}

function place(columns: readonly (readonly string[])[], edges: readonly Edge[], gap: number): MapLayout {
  const near = neighbours(edges)
  const step = nodeHeight + rowGap
  const tallest = Math.max(1, ...columns.map((column) => column.length))
  const y = new Map<string, number>()
  for (const column of columns) {
    const top = ((tallest - column.length) * step) / 2
    column.forEach((id, index) => y.set(id, top + index * step))
  }
  for (let sweep = 0; sweep < sweeps; sweep++) {
    const walk = sweep % 2 === 0 ? columns : [...columns].reverse()
    for (const column of walk) towards(column, near, y, step)
  }
  const top = Math.min(0, ...y.values())
  const places = new Map<string, Placed>()
  columns.forEach((column, index) => {
    const x = margin + nodeWidth / 2 + index * (nodeWidth + gap)
    for (const id of column) places.set(id, { x, y: margin + nodeHeight / 2 + (y.get(id) ?? 0) - top })
  })
  const bottom = Math.max(0, ...[...places.values()].map((of) => of.y))
  return {
    places,
    width: margin * 2 + columns.length * nodeWidth + Math.max(columns.length - 1, 0) * gap,
    height: bottom + nodeHeight / 2 + margin,
  }
}

/** Moves the nodes of a column to the middle of their neighbours as far as they leave each other room. */
function towards(
  column: readonly string[],
  near: ReadonlyMap<string, readonly string[]>,
  y: Map<string, number>,
  step: number,
): void {
  const wish = column.map((id) => mean(near.get(id), y) ?? y.get(id) ?? 0)
  // Blocks of nodes that touch each other move as one, to the mean of what they wish.
  const blocks: { from: number; count: number; sum: number }[] = []
  wish.forEach((wanted, index) => {
    let block = { from: index, count: 1, sum: wanted }
    for (let last = blocks.at(-1); last !== undefined; last = blocks.at(-1)) {
      const end = last.sum / last.count + last.count * step
      if (end <= block.sum / block.count) break
      const shifted = block.sum - block.count * last.count * step
      block = { from: last.from, count: last.count + block.count, sum: last.sum + shifted }
      blocks.pop()
    }
    blocks.push(block)
  })
  for (const { from, count, sum } of blocks) {
    for (let i = 0; i < count; i++) {
      const id = column[from + i]
      if (id !== undefined) y.set(id, sum / count + i * step)
    }
  }
}

/** The node that is closest in a direction; null if there is none. */
export function nextNode(
  layout: MapLayout,
  from: string,
  direction: 'left' | 'right' | 'up' | 'down',
): string | null {
  const here = layout.places.get(from)
  if (here === undefined) return null
  let best: string | null = null
  let cost = Infinity
  for (const [id, { x, y }] of layout.places) {
    const dx = x - here.x
    const dy = y - here.y
    const along = direction === 'left' ? -dx : direction === 'right' ? dx : direction === 'up' ? -dy : dy
    const across = Math.abs(direction === 'left' || direction === 'right' ? dy : dx)
    if (along <= 1) continue
    const far = along + across * 2
    if (far < cost) {
      best = id
      cost = far
    }
  }
  return best
}
