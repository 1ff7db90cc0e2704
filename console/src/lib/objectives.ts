import type { BurnAlert, Objective, ObjectiveState } from '../api/objectives'
import { parseDuration } from './duration'
import { significant } from './units'
import { yamlScalar } from './ruleYaml'

/** A share in per cent with as many digits as it takes to tell it from 100 %. */
export function percentText(share: number): string {
  const missing = Math.abs(1 - share)
  const digits = missing > 0 && missing < 0.1 ? Math.min(Math.ceil(-Math.log10(missing)) + 2, 9) : 4
  return `${significant(share * 100, Math.max(digits, 3))}%`
}

export interface Burn {
  readonly window: string
  readonly rate: number | null
}

/** Burn rates from the longest window to the shortest: where it was, and where it goes. */
export const burnsByWindow = (rates: Objective['burnRates']): Burn[] =>
  Object.entries(rates)
    .map(([window, rate]) => ({ window, rate, ms: parseDuration(window) ?? 0 }))
    .sort((a, b) => b.ms - a.ms)
    .map(({ window, rate }) => ({ window, rate }))

/** Whether both windows of an alert burn faster than it allows; null where that is not known. */
export function burnsTooFast(alert: BurnAlert, rates: Objective['burnRates']): boolean | null {
  const long = rates[alert.long] ?? null
  const short = rates[alert.short] ?? null
  return long === null || short === null ? null : long > alert.factor && short > alert.factor
}

export type BudgetTone = 'good' | 'warn' | 'bad' | 'quiet'

export const budgetTone = (left: number | null): BudgetTone =>
  left === null ? 'quiet' : left <= 0 ? 'bad' : left < 0.25 ? 'warn' : 'good'

export const objectiveSorts = ['state', 'budget', 'burn', 'name'] as const
export type ObjectiveSort = (typeof objectiveSorts)[number]

const order: readonly ObjectiveState[] = ['exhausted', 'burning', 'noData', 'ok']

/** The fastest burn of the short windows: what happens now. */
export const burnNow = ({ burnRates }: Objective): number | null => burnRates['1h'] ?? burnRates['5m'] ?? null

/** The most urgent first; what has no data goes last in an order of numbers. */
export function sortObjectives(all: readonly Objective[], sort: ObjectiveSort): Objective[] {
  const byName = (a: Objective, b: Objective) => a.name.localeCompare(b.name, undefined, { numeric: true })
  const numbers = (a: number | null, b: number | null, sign: number) =>
    a === null || b === null ? Number(a === null) - Number(b === null) : sign * (a - b)
  const budgets = (a: Objective, b: Objective) => numbers(a.budgetRemaining, b.budgetRemaining, 1)
  const compare = (a: Objective, b: Objective): number => {
    switch (sort) {
      case 'state':
        return order.indexOf(a.state) - order.indexOf(b.state) || budgets(a, b)
      case 'budget':
        return budgets(a, b)
      case 'burn':
        return numbers(burnNow(a), burnNow(b), -1)
      case 'name':
        return 0
    }
  }
  return [...all].sort((a, b) => compare(a, b) || byName(a, b))
}

/** A query for one window. */
export const withWindow = (query: string, window: string): string => query.replaceAll('$window', window)

export const objectiveKinds = ['ratio', 'latency', 'spans'] as const
export type ObjectiveKind = (typeof objectiveKinds)[number]

const bodies: Readonly<Record<ObjectiveKind, string>> = {
  ratio: `ratio:
  errors: http_requests_total{service="checkout", code=~"5.."}
  total: http_requests_total{service="checkout"}`,
  latency: `latency:
  histogram: http_request_duration_seconds{service="checkout"}
  below: 300ms`,
  spans: `sli: availability`,
}

const names: Readonly<Record<ObjectiveKind, string>> = {
  ratio: 'checkout-availability',
  latency: 'checkout-latency',
  spans: 'checkout-spans',
}

/** An objective to begin with. */
export const objectiveTemplate = (kind: ObjectiveKind, service = 'checkout'): string =>
  `name: ${yamlScalar(names[kind].replace('checkout', service))}
service: ${yamlScalar(service)}
target: 99.9
window: 30d
${bodies[kind].replaceAll('checkout', service)}
`

/** One objective as it stands in the configuration: an item of its list. */
export function inConfiguration(yaml: string): string {
  const lines = yaml.trimEnd().split('\n')
  if (lines.some((line) => line.startsWith('objectives:'))) return `${lines.join('\n')}\n`
  const listed = /^\s*-/.test(lines.find((line) => line.trim() !== '' && !line.startsWith('#')) ?? '')
  let first = !listed
  const indented = lines.map((line) => {
    if (line === '') return ''
    if (listed) return line
    if (first && !line.startsWith('#')) {
      first = false
      return `- ${line}`
    }
    return `  ${line}`
  })
  return `objectives:\n${indented.join('\n')}\n`
}
