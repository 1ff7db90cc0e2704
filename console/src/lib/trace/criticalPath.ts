import { endOf, type Tree } from './tree'

/** A part of a span that the end of the trace waited for, in nanoseconds after the start of the trace. */
export interface PathPart {
  readonly at: number
  readonly from: number
  readonly to: number
}

/** The root whose end is waited for: the longest. */
export function mainRoot(tree: Tree): number {
  let best = -1
  tree.spans.forEach((span, at) => {
    if ((tree.parent[at] ?? -1) >= 0) return
    if (best < 0 || span.duration > (tree.spans[best]?.duration ?? 0)) best = at
  })
  return best
}

/**
 * What the end of the main root waited for, walked from its end back to its beginning: a span itself, until the child
 * that finished last before that; then that child; then the span again, before the child began. Children that outlive
 * their parent were not waited for beyond its end; those that ran beside the chosen one were not waited for at all.
 * The idea is that of CRISP (Zhang and others, USENIX ATC 2022).
 */
export function criticalPath(tree: Tree): PathPart[] {
  const root = mainRoot(tree)
  if (root < 0) return []
  const children = childrenByEnd(tree)
  const parts: PathPart[] = []
  const add = (at: number, from: number, to: number) => {
    if (to > from) parts.push({ at, from, to })
  }
  interface Frame {
    readonly at: number
    /** How far back the path has come. */
    cursor: number
    /** The next of its children to look at. */
    next: number
    /** Whether only the end of the span itself has been seen: then children may outlive it. */
    fresh: boolean
  }
  const frameOf = (at: number, cursor: number): Frame => ({ at, cursor, next: 0, fresh: true })
  const spanEnd = (at: number) => {
    const span = tree.spans[at]
    return span === undefined ? 0 : endOf(span)
  }
  const stack: Frame[] = [frameOf(root, spanEnd(root))]
  for (let frame = stack.at(-1); frame !== undefined; frame = stack.at(-1)) {
    const own = tree.spans[frame.at]
    const child = children[frame.at]?.[frame.next]
    if (own === undefined || child === undefined) {
      add(frame.at, own?.offset ?? 0, frame.cursor)
      stack.pop()
      continue
    }
    frame.next++
    const span = tree.spans[child]
    if (span === undefined || span.offset >= frame.cursor || span.offset < own.offset) continue
    const end = endOf(span)
    if (end > frame.cursor && !frame.fresh) continue
    const until = Math.min(end, frame.cursor)
    add(frame.at, until, frame.cursor)
    frame.cursor = span.offset
    frame.fresh = false
    stack.push(frameOf(child, until))
  }
  return parts.reverse()
}

/** The children of each span, those that end last first. */
function childrenByEnd(tree: Tree): (number[] | undefined)[] {
  const out = new Array<number[] | undefined>(tree.spans.length)
  tree.spans.forEach((_, at) => {
    const above = tree.parent[at] ?? -1
    if (above < 0) return
    const known = out[above]
    if (known === undefined) out[above] = [at]
    else known.push(at)
  })
  const end = (at: number) => {
    const span = tree.spans[at]
    return span === undefined ? 0 : endOf(span)
  }
  for (const list of out) list?.sort((a, b) => end(b) - end(a) || b - a)
  return out
}

/** The parts of each span on the path, and how much of the path each has. */
export function partsBySpan(parts: readonly PathPart[]): ReadonlyMap<number, readonly PathPart[]> {
  const out = new Map<number, PathPart[]>()
  for (const part of parts) {
    const known = out.get(part.at)
    if (known === undefined) out.set(part.at, [part])
    else known.push(part)
  }
  return out
}
