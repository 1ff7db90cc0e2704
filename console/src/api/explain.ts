import { fields, list, number, optional, text, type Decoder } from './decode'
import { request } from './http'
import type { Answer, Explained, PlanNode } from './types'

const count = (value: unknown): number | null => (typeof value === 'number' ? value : null)

const planNode: Decoder<PlanNode> = (value, path) => {
  const body = fields(value, path)
  return {
    kind: text(body.kind, `${path}.kind`),
    head: text(body.node, `${path}.node`),
    text: text(body.expr, `${path}.expr`),
    series: count(body.series),
    lines: count(body.lines),
    samples: number(body.samples, `${path}.samples`),
    bytes: count(body.bytes),
    totalMs: number(body.total_ms, `${path}.total_ms`),
    selfMs: number(body.self_ms, `${path}.self_ms`),
    memoryBytes: number(body.memory_bytes, `${path}.memory_bytes`),
    notes: optional(list(text), [])(body.notes, `${path}.notes`),
    children: optional(list(planNode), [])(body.children, `${path}.children`),
  }
}

const explained: Decoder<Explained> = (value, path) => {
  const body = fields(value, path)
  return {
    query: text(body.query, `${path}.query`),
    steps: number(body.steps, `${path}.steps`),
    elapsedMs: number(body.elapsed_ms, `${path}.elapsed_ms`),
    plan: planNode(body.plan, `${path}.plan`),
  }
}

/** How the server evaluates the query of an address of `query` or `query_range`, in PromQL or LogQL. */
export function explain(askedUrl: string, signal?: AbortSignal): Promise<Answer<Explained>> {
  const asked = new URLSearchParams(askedUrl.slice(askedUrl.indexOf('?') + 1))
  asked.delete('stats')
  const path = askedUrl.includes('/loki/') ? '/api/v1/logs/explain' : '/api/v1/explain'
  return request(path, Object.fromEntries(asked), explained, signal)
}
