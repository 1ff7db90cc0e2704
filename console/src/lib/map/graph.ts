import type { ServiceCall } from '@/api/traceNumbers'

export type NodeType = 'service' | 'user' | 'database' | 'messaging' | 'external' | 'group'

/** Requests, failures, durations in seconds. */
export interface Figures {
  readonly requests: number
  readonly failed: number
  readonly p50: number | null
  readonly p95: number | null
  readonly p99: number | null
}

export interface MapNode extends Figures {
  readonly id: string
  readonly label: string
  readonly type: NodeType
  /** Services in it, if it is a group. */
  readonly members: readonly string[]
}

export interface MapEdge extends Figures {
  readonly id: string
  readonly from: string
  readonly to: string
  readonly connection: string
}

export interface MapGraph {
  readonly nodes: readonly MapNode[]
  readonly edges: readonly MapEdge[]
}

export const edgeId = (from: string, to: string): string => `${from}→${to}`

const worse = (a: number | null, b: number | null): number | null =>
  a === null ? b : b === null ? a : Math.max(a, b)

/** Figures of several together. Quantiles do not add up: the worst stands for all. */
function together(a: Figures, b: Figures): Figures {
  return {
    requests: a.requests + b.requests,
    failed: a.failed + b.failed,
    p50: worse(a.p50, b.p50),
    p95: worse(a.p95, b.p95),
    p99: worse(a.p99, b.p99),
  }
}

const nothing: Figures = { requests: 0, failed: 0, p50: null, p95: null, p99: null }

function typeOf(name: string, calls: readonly ServiceCall[]): NodeType {
  const calling = calls.some(({ client }) => client === name)
  if (name === 'user' && calling) return 'user'
  const called = calls.filter(({ server }) => server === name)
  if (calling || called.length === 0) return 'service'
  if (called.every(({ connection }) => connection === 'database')) return 'database'
  if (called.every(({ connection, client }) => connection === 'virtual_node' && client !== 'user'))
    return 'external'
  return 'service'
}

/**
 * Services and the calls between them. What a service did as a whole is given where it is known; otherwise it is what
 * its callers saw.
 */
export function graphOf(calls: readonly ServiceCall[], known: ReadonlyMap<string, Figures>): MapGraph {
  const byName = new Map<string, ServiceCall[]>()
  const take = (name: string, call: ServiceCall) => {
    const of = byName.get(name)
    if (of === undefined) byName.set(name, [call])
    else if (!of.includes(call)) of.push(call)
  }
  for (const call of calls) {
    take(call.client, call)
    take(call.server, call)
  }
  const edges = new Map<string, MapEdge>()
  for (const call of calls) {
    const id = edgeId(call.client, call.server)
    const old = edges.get(id)
    const figures = together(old ?? nothing, call)
    edges.set(id, {
      id,
      from: call.client,
      to: call.server,
      connection: old?.connection ?? call.connection,
      ...figures,
    })
  }
  const nodes = [...byName].map(([id, of]): MapNode => {
    const called = of.filter(({ server }) => server === id)
    const sides = called.length > 0 ? called : of
    const figures = known.get(id) ?? sides.reduce<Figures>(together, nothing)
    return { id, label: id, type: typeOf(id, of), members: [], ...pick(figures) }
  })
  nodes.sort((a, b) => a.id.localeCompare(b.id))
  return { nodes, edges: [...edges.values()].sort((a, b) => a.id.localeCompare(b.id)) }
}

const pick = ({ requests, failed, p50, p95, p99 }: Figures): Figures => ({ requests, failed, p50, p95, p99 })

/** What a group is called by; no member of it is called so. */
export const groupId = (name: string): string => `group:${name}`

/**
 * Services of a group as one node, unless it is unfolded; calls within a group are not seen. Alone nobody is a group.
 */
export function grouped(
  graph: MapGraph,
  groupOf: (node: MapNode) => string | null,
  open: ReadonlySet<string>,
): MapGraph {
  const members = new Map<string, MapNode[]>()
  for (const node of graph.nodes) {
    const name = groupOf(node)
    if (name === null) continue
    const of = members.get(name)
    if (of === undefined) members.set(name, [node])
    else of.push(node)
  }
  const place = new Map<string, string>()
  const nodes: MapNode[] = []
  for (const [name, of] of members) {
    if (of.length < 2 || open.has(name)) continue
    for (const { id } of of) place.set(id, groupId(name))
    const figures = of.reduce<Figures>(together, nothing)
    nodes.push({
      id: groupId(name),
      label: name,
      type: 'group',
      members: of.map(({ id }) => id),
      ...pick(figures),
    })
  }
  if (nodes.length === 0) return graph
  const edges = new Map<string, MapEdge>()
  for (const edge of graph.edges) {
    const from = place.get(edge.from) ?? edge.from
    const to = place.get(edge.to) ?? edge.to
    if (from === to) continue
    const id = edgeId(from, to)
    const old = edges.get(id)
    const connection = old === undefined || old.connection === edge.connection ? edge.connection : ''
    edges.set(id, { id, from, to, connection, ...pick(together(old ?? nothing, edge)) })
  }
  return {
    nodes: [...graph.nodes.filter(({ id }) => !place.has(id)), ...nodes].sort((a, b) =>
      a.id.localeCompare(b.id),
    ),
    edges: [...edges.values()],
  }
}

/** Only what is so many calls away from a node, in either direction. */
export function around(graph: MapGraph, id: string, hops: number): MapGraph {
  const reach = (from: 'from' | 'to', to: 'from' | 'to') => {
    const seen = new Set([id])
    let edge = [id]
    for (let hop = 0; hop < hops; hop++) {
      const next = graph.edges.filter((e) => edge.includes(e[from])).map((e) => e[to])
      edge = next.filter((name) => !seen.has(name))
      for (const name of edge) seen.add(name)
    }
    return seen
  }
  // Who calls it and whom it calls, not who else calls those.
  const down = reach('from', 'to')
  const up = reach('to', 'from')
  const kept = new Set([...down, ...up])
  return {
    nodes: graph.nodes.filter((node) => kept.has(node.id)),
    edges: graph.edges.filter(
      ({ from, to }) => (down.has(from) && down.has(to)) || (up.has(from) && up.has(to)),
    ),
  }
}

/** The part of a name before its first separator. */
export function prefixOf(name: string): string | null {
  return /^([^-_./:]+)[-_./:]/.exec(name)?.[1] ?? null
}

export type Health = 'good' | 'warn' | 'bad'

/** A share of failures is told from this on, and is bad from that. */
const warnShare = 0.01
const badShare = 0.05

export function healthOf({ requests, failed }: Pick<Figures, 'requests' | 'failed'>): Health {
  const share = requests > 0 ? failed / requests : 0
  return share >= badShare ? 'bad' : share >= warnShare ? 'warn' : 'good'
}
