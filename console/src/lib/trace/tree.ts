import type { TraceSpan } from '@/api/traceDocument'

export interface ServiceSummary {
  readonly name: string
  readonly spans: number
  readonly errors: number
  /** Nanoseconds in which spans of it did something themselves. */
  readonly self: number
}

/**
 * The spans of a trace in the order of a waterfall: each before its children, children by their start. What belongs to
 * a span is held in columns, because a trace may have a hundred thousand.
 */
export interface Tree {
  readonly spans: readonly TraceSpan[]
  /** The place of the parent; -1 of a root. */
  readonly parent: Int32Array
  readonly depth: Int32Array
  /** The place behind the last descendant. */
  readonly end: Int32Array
  /** Nanoseconds of a span in which none of its children ran. */
  readonly self: Float64Array
  /** Nanoseconds from the start of the earliest span to the end of the latest. */
  readonly duration: number
  readonly services: readonly ServiceSummary[]
  readonly errors: number
  readonly depthMax: number
}

export const failed = (span: TraceSpan): boolean => span.status === 'error'
export const endOf = (span: TraceSpan): number => span.offset + span.duration

/** Puts spans in order, whatever order they come in; parents that are no place of the list, or a circle, make roots. */
export function arrange(spans: readonly TraceSpan[]): Tree {
  const count = spans.length
  const parents = spans.map(({ parent }, at) =>
    parent >= 0 && parent < count && parent !== at ? parent : -1,
  )
  const byStart = Array.from({ length: count }, (_, at) => at)
  byStart.sort((a, b) => (spans[a]?.offset ?? 0) - (spans[b]?.offset ?? 0) || a - b)
  // Children of each span as a linked list, the last by start at its head.
  const firstChild = new Int32Array(count).fill(-1)
  const nextSibling = new Int32Array(count).fill(-1)
  const roots: number[] = []
  for (let i = count - 1; i >= 0; i--) {
    const at = byStart[i] ?? 0
    const parent = parents[at] ?? -1
    if (parent < 0) roots.push(at)
    else {
      nextSibling[at] = firstChild[parent] ?? -1
      firstChild[parent] = at
    }
  }
  const order: number[] = []
  const placed = new Uint8Array(count)
  const stack = roots
  const walk = () => {
    for (let at = stack.pop(); at !== undefined; at = stack.pop()) {
      if (placed[at] === 1) continue
      placed[at] = 1
      order.push(at)
      const children: number[] = []
      for (let child = firstChild[at] ?? -1; child >= 0; child = nextSibling[child] ?? -1)
        children.push(child)
      for (let i = children.length - 1; i >= 0; i--) stack.push(children[i] ?? 0)
    }
  }
  walk()
  // Whoever is left is in a circle, which is cut at its earliest.
  for (const at of byStart) {
    if (placed[at] === 1) continue
    parents[at] = -1
    stack.push(at)
    walk()
  }
  return columns(
    order.map((at) => spans[at]).filter((span) => span !== undefined),
    order,
    parents,
  )
}

function columns(spans: readonly TraceSpan[], order: readonly number[], parents: readonly number[]): Tree {
  const count = spans.length
  const place = new Int32Array(count)
  order.forEach((at, index) => (place[at] = index))
  const parent = new Int32Array(count).fill(-1)
  const depth = new Int32Array(count)
  const end = new Int32Array(count)
  let depthMax = 0
  order.forEach((at, index) => {
    const above = parents[at] ?? -1
    if (above < 0) return
    const parentPlace = place[above] ?? -1
    parent[index] = parentPlace
    depth[index] = (depth[parentPlace] ?? 0) + 1
    depthMax = Math.max(depthMax, depth[index] ?? 0)
  })
  for (let i = count - 1; i >= 0; i--) {
    end[i] = Math.max(end[i] ?? 0, i + 1)
    const above = parent[i] ?? -1
    if (above >= 0) end[above] = Math.max(end[above] ?? 0, end[i] ?? 0)
  }
  const self = selfTimes(spans, parent)
  let duration = 0
  let errors = 0
  const services = new Map<string, { name: string; spans: number; errors: number; self: number }>()
  spans.forEach((span, index) => {
    duration = Math.max(duration, endOf(span))
    let of = services.get(span.service)
    if (of === undefined)
      services.set(span.service, (of = { name: span.service, spans: 0, errors: 0, self: 0 }))
    of.spans++
    of.self += self[index] ?? 0
    if (failed(span)) {
      errors++
      of.errors++
    }
  })
  return {
    spans,
    parent,
    depth,
    end,
    self,
    duration,
    services: [...services.values()].sort((a, b) => b.self - a.self || a.name.localeCompare(b.name)),
    errors,
    depthMax,
  }
}

/** Of each span the time that none of its children covers. Children come by their start, so one pass is enough. */
function selfTimes(spans: readonly TraceSpan[], parent: Int32Array): Float64Array {
  const self = new Float64Array(spans.length)
  const covered = new Float64Array(spans.length)
  spans.forEach((span, index) => {
    self[index] = span.duration
    covered[index] = span.offset
  })
  spans.forEach((span, index) => {
    const above = parent[index] ?? -1
    const owner = spans[above]
    if (owner === undefined) return
    const from = Math.max(span.offset, covered[above] ?? 0)
    const to = Math.min(endOf(span), endOf(owner))
    if (to <= from) return
    self[above] = (self[above] ?? 0) - (to - from)
    covered[above] = to
  })
  return self
}

/**
 * The rows that are seen while the descendants of some spans are folded away; where only some are wanted, those and
 * what is above them.
 */
export function visibleRows(
  tree: Tree,
  collapsed: ReadonlySet<number>,
  wanted: readonly number[] | null = null,
): Int32Array {
  const count = tree.spans.length
  const rows = new Int32Array(count)
  const kept = wanted === null ? null : withAncestors(tree, wanted)
  let shown = 0
  for (let at = 0; at < count;) {
    if (kept === null || kept[at] === 1) rows[shown++] = at
    at = collapsed.has(at) ? (tree.end[at] ?? at + 1) : at + 1
  }
  return rows.subarray(0, shown)
}

function withAncestors(tree: Tree, wanted: readonly number[]): Uint8Array {
  const kept = new Uint8Array(tree.spans.length)
  for (const place of wanted) {
    for (let at = place; at >= 0 && kept[at] !== 1; at = tree.parent[at] ?? -1) kept[at] = 1
  }
  return kept
}

export const hasChildren = (tree: Tree, at: number): boolean => (tree.end[at] ?? 0) > at + 1

/** The spans above one, from the root on. */
export function ancestors(tree: Tree, at: number): number[] {
  const out: number[] = []
  for (let above = tree.parent[at] ?? -1; above >= 0; above = tree.parent[above] ?? -1) out.push(above)
  return out.reverse()
}

/** Folds everything at a depth and deeper. */
export function collapsedBelow(tree: Tree, depth: number): Set<number> {
  const out = new Set<number>()
  tree.spans.forEach((_, at) => {
    if ((tree.depth[at] ?? 0) >= depth && hasChildren(tree, at)) out.add(at)
  })
  return out
}
