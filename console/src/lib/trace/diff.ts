import { failed, type Tree } from './tree'

/** The spans of one trace at a path of services and operations. */
export interface DiffSide {
  readonly count: number
  /** Nanoseconds they took together, and those in which none of their children ran. */
  readonly total: number
  readonly self: number
  readonly errors: number
  /** The id of the longest of them. */
  readonly longest: string
}

/** A path from the roots, in either trace or both. */
export interface DiffNode {
  readonly service: string
  readonly name: string
  readonly depth: number
  readonly a: DiffSide | null
  readonly b: DiffSide | null
  /** The place behind the last path below it. */
  readonly end: number
}

interface Sum {
  count: number
  total: number
  self: number
  errors: number
  longest: string
  longestNs: number
  /** Where the first of them began. */
  first: number
}

interface Building {
  readonly service: string
  readonly name: string
  readonly depth: number
  readonly children: Map<string, Building>
  readonly sides: [Sum | null, Sum | null]
}

const building = (service: string, name: string, depth: number): Building => ({
  service,
  name,
  depth,
  children: new Map(),
  sides: [null, null],
})

function add(root: Building, tree: Tree, side: 0 | 1): void {
  const nodes: Building[] = []
  tree.spans.forEach((span, at) => {
    const above = nodes[tree.parent[at] ?? -1] ?? root
    const key = `${span.service}\u0000${span.name}`
    let node = above.children.get(key)
    if (node === undefined)
      above.children.set(key, (node = building(span.service, span.name, above.depth + 1)))
    nodes.push(node)
    const sum = (node.sides[side] ??= {
      count: 0,
      total: 0,
      self: 0,
      errors: 0,
      longest: span.id,
      longestNs: -1,
      first: span.offset,
    })
    sum.count++
    sum.total += span.duration
    sum.self += tree.self[at] ?? 0
    if (failed(span)) sum.errors++
    if (span.duration > sum.longestNs) {
      sum.longestNs = span.duration
      sum.longest = span.id
    }
    sum.first = Math.min(sum.first, span.offset)
  })
}

const firstOf = ({ sides: [a, b] }: Building): number => Math.min(a?.first ?? Infinity, b?.first ?? Infinity)

function sideOf(sum: Sum | null): DiffSide | null {
  if (sum === null) return null
  const { count, total, self, errors, longest } = sum
  return { count, total, self, errors, longest }
}

/**
 * Two traces as one tree: spans with the same path of services and operations from the root are one node, however many
 * they are; what only one of the traces has stands where it would be. In the order of a waterfall.
 */
export function diffTraces(a: Tree, b: Tree): DiffNode[] {
  const root = building('', '', -1)
  add(root, a, 0)
  add(root, b, 1)
  const out: (DiffNode & { end: number })[] = []
  const ordered = (node: Building) => [...node.children.values()].sort((x, y) => firstOf(x) - firstOf(y))
  const stack = ordered(root).reverse()
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    const { service, name, depth, sides } = node
    out.push({ service, name, depth, a: sideOf(sides[0]), b: sideOf(sides[1]), end: 0 })
    stack.push(...ordered(node).reverse())
  }
  const open: number[] = []
  out.forEach(({ depth }, at) => {
    while (open.length > depth) close(out, open.pop(), at)
    open[depth] = at
  })
  while (open.length > 0) close(out, open.pop(), out.length)
  return out
}

function close(out: { end: number }[], at: number | undefined, end: number): void {
  const node = at === undefined ? undefined : out[at]
  if (node !== undefined) node.end = end
}

export type DiffState = 'added' | 'missing' | 'slower' | 'faster' | 'failed' | 'same'

/** A change of this share of the longer is one worth telling, if it is also so much of the whole trace. */
const changeShare = 0.2
const wholeShare = 0.02

/** What is different at a path; the whole is the duration of the longer trace. */
export function diffState({ a, b }: DiffNode, whole: number): DiffState {
  if (a === null) return 'added'
  if (b === null) return 'missing'
  if (b.errors > 0 !== a.errors > 0) return 'failed'
  const change = b.total - a.total
  const longer = Math.max(a.total, b.total)
  if (Math.abs(change) <= longer * changeShare || Math.abs(change) <= whole * wholeShare) return 'same'
  return change > 0 ? 'slower' : 'faster'
}

/** The paths at which something is different, and those above them. */
export function onlyDifferent(nodes: readonly DiffNode[], whole: number): DiffNode[] {
  const kept = new Uint8Array(nodes.length)
  const above: number[] = []
  nodes.forEach((node, at) => {
    above.length = node.depth
    above[node.depth] = at
    if (diffState(node, whole) !== 'same') for (const place of above) kept[place] = 1
  })
  return nodes.filter((_, at) => kept[at] === 1)
}
