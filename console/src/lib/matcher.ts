import type { Labels } from '../api/types'

/** A label value as a PromQL string literal. */
export function quote(value: string): string {
  return `"${value.replace(/\\/g, '\\\\').replace(/"/g, '\\"').replace(/\n/g, '\\n')}"`
}

const comparedExactly = /([a-zA-Z_][a-zA-Z0-9_]*)\s*=\s*"((?:[^"\\]|\\.)*)"/g
const patternLike = /\.[*+.]|[|[]|\\[dw]|^\^|\$$/

/** The first comparison of a query that takes what looks like a pattern literally, as it is written there. */
export function exactPattern(query: string): string | null {
  for (const [written, , value = ''] of query.matchAll(comparedExactly)) {
    if (patternLike.test(value)) return written
  }
  return null
}

const plainName = /^[a-zA-Z_][a-zA-Z0-9_]*$/
const plainMetric = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/

const labelName = (name: string): string => (plainName.test(name) ? name : quote(name))

/** A selector for a metric with the given equalities; UTF-8 names take the quoted form. */
export function selector(metric: string, labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${labelName(name)}=${quote(value)}`)
  if (metric === '' || plainMetric.test(metric)) {
    return pairs.length === 0 && metric !== '' ? metric : `${metric}{${pairs.join(', ')}}`
  }
  return `{${[quote(metric), ...pairs].join(', ')}}`
}

/** A series as Prometheus writes it: the metric name, then its labels in braces. */
export function seriesName(labels: Labels): string {
  const { __name__: name = '', ...rest } = labels
  return selector(name, rest)
}

/** Labels that every series shares tell them apart from nothing; legends leave them out. */
export function distinguishing(all: readonly Labels[]): Set<string> {
  const first = all[0]
  const names = new Set(all.flatMap((labels) => Object.keys(labels)))
  if (first === undefined || all.length === 1) return names
  return new Set([...names].filter((name) => all.some((labels) => labels[name] !== first[name])))
}
