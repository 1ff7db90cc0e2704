import type { EntitySignals, SignalName } from '../api/entities'
import type { Labels } from '../api/types'

/** The most pieces of names and values the server takes of one point, and the longest value that names anything. */
const labelsMax = 200
const valueMax = 256

/** Labels of a point fit to be sent: short ones, so many at most. */
export function telling(labels: Labels): Labels {
  const kept = Object.entries(labels).filter(
    ([name, value]) => value !== '' && value.length <= valueMax && name !== '' && !name.includes(':'),
  )
  return Object.fromEntries(kept.slice(0, labelsMax))
}

/** More series than this are counted by name instead of drawn. */
const drawnMax = 40

export interface SignalWay {
  readonly signal: SignalName
  readonly count: number
  readonly to: '/logs' | '/explore' | '/traces' | '/errors' | '/events'
  readonly search: Readonly<Record<string, string | readonly string[]>>
}

/** The selector with most behind it; of an entity that is nowhere in the range, the first. */
function richest(signals: EntitySignals, signal: SignalName) {
  const all = [...signals[signal]].sort((a, b) => b.count - a.count)
  return all[0]
}

const equality = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"/g

/** The conditions of a selector of events in the address of their screen. */
export function eventSearch(selector: string): Record<string, readonly string[]> {
  const names: Readonly<Record<string, string>> = {
    service_name: 'service',
    host_name: 'on',
    deployment_environment_name: 'environment',
  }
  const out: Record<string, string[]> = {}
  for (const [, name = '', value = ''] of selector.matchAll(equality)) {
    if (name.startsWith('__')) continue
    const plain = value.replace(/\\(.)/g, '$1')
    const known = names[name]
    const key = known ?? 'attr'
    out[key] = [...(out[key] ?? []), known === undefined ? `${dotted(name)}:${plain}` : plain]
  }
  return out
}

/** Underscores of a label were dots; only the words of well-known names have both. */
const compound: readonly string[] = ['service.instance.id', 'service.namespace', 'k8s.cluster.name']
function dotted(name: string): string {
  return compound.find((known) => known.replace(/\./g, '_') === name) ?? name.replace(/_/g, '.')
}

/** Where each signal of an entity is looked at on a screen of its own. */
export function waysTo(
  signals: EntitySignals,
  range: { readonly from: number; readonly to: number },
): readonly SignalWay[] {
  const at = { from: String(Math.floor(range.from)), to: String(Math.ceil(range.to)) }
  const ways: SignalWay[] = []
  const add = (
    signal: SignalName,
    to: SignalWay['to'],
    search: (selector: string, count: number) => SignalWay['search'],
  ) => {
    const best = richest(signals, signal)
    if (best === undefined) return
    const count = signals[signal].reduce((sum, s) => sum + s.count, 0)
    ways.push({ signal, to, count, search: { ...search(best.selector, best.count), ...at } })
  }
  add('logs', '/logs', (q) => ({ q }))
  add('traces', '/traces', (q) => ({ q }))
  add('metrics', '/explore', (selector, count) =>
    count > drawnMax
      ? { q: [`count by (__name__) (${selector})`], view: 'table' }
      : { q: [selector], view: 'graph' },
  )
  add('errors', '/errors', (q) => ({ q, status: 'all' }))
  add('events', '/events', (selector) => eventSearch(selector))
  return ways
}
