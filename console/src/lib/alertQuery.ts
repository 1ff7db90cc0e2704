import type { Labels } from '../api/types'
import { quote, selector } from './matcher'

const plainName = /^[a-zA-Z_][a-zA-Z0-9_]*$/
const written = (name: string): string => (plainName.test(name) ? name : quote(name))

/** The labels of an alert that the series of its expression have: without its name and those its rule added. */
export function seriesLabels(alert: Labels, added: Labels): Labels {
  const kept = Object.entries(alert).filter(([name]) => name !== 'alertname' && added[name] === undefined)
  return Object.fromEntries(kept)
}

/** An expression cut down to the series with these labels, whatever it looks like. */
export function narrowed(expr: string, labels: Labels): string {
  const names = Object.keys(labels)
  if (names.length === 0) return expr
  const one = names.reduce((inner, name) => {
    const value = (labels[name] ?? '').replaceAll('$', '$$$$')
    return `label_replace(${inner}, ${quote(name)}, ${quote(value)}, "", "")`
  }, 'vector(1)')
  return `(${expr}) and on (${names.map(written).join(', ')}) ${one}`
}

/** The series that say when an alert was pending and when it fired. */
export const alertSeries = (labels: Labels): string => selector('ALERTS', labels)

/** How far back alerts that are over are looked for, in PromQL's words. */
export const resolvedWindow = '30m'

const over = (when: string): string => `${when} unless ignoring (alertstate) ALERTS`
const firing = 'ALERTS{alertstate="firing"}'

/**
 * When each alert that fired lately and is over was last seen to fire. The first way needs a function that servers may
 * not allow; the second looks only every 15 seconds.
 */
export const resolvedQueries: readonly [string, string] = [
  over(`ts_of_last_over_time(${firing}[${resolvedWindow}])`),
  over(`max_over_time(timestamp(${firing})[${resolvedWindow}:15s])`),
]

/** The expression in the address that its sender gives for an alert. */
export function expressionOf(generatorUrl: string): string | null {
  try {
    const expr = new URL(generatorUrl).searchParams.get('g0.expr')
    return expr === null || expr.trim() === '' ? null : expr
  } catch {
    return null
  }
}
