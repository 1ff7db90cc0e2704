import { tokensOf, type Token } from './tokens'

/** A comparison within the braces of a filter; field and value are as they are written. */
export interface Condition {
  readonly field: string
  readonly op: string
  readonly value: string
}

const comparisons = new Set(['=', '!=', '>', '>=', '<', '<=', '=~', '!~'])
const values = new Set(['string', 'number', 'constant'])

/**
 * The conditions of a query that is nothing but a filter whose conditions all must hold; null of every other. An empty
 * text is the filter that everything meets.
 */
export function conditionsOf(query: string): readonly Condition[] | null {
  const tokens = tokensOf(query)
  if (tokens.length === 0) return []
  if (tokens.some(({ kind }) => kind === 'comment')) return null
  if (tokens[0]?.text !== '{' || tokens.at(-1)?.text !== '}') return null
  const inner = tokens.slice(1, -1)
  const out: Condition[] = []
  let at = 0
  while (at < inner.length) {
    const read = conditionAt(inner, at)
    if (read === null) return null
    out.push(read.condition)
    at = read.next
    if (at === inner.length) break
    if (inner[at]?.text !== '&&' || at + 1 === inner.length) return null
    at++
  }
  return out
}

function conditionAt(tokens: readonly Token[], at: number): { condition: Condition; next: number } | null {
  const [field, op, first, second] = tokens.slice(at, at + 4)
  if (field?.kind !== 'name' || op === undefined || !comparisons.has(op.text) || first === undefined)
    return null
  const signed = first.text === '-' && second?.kind === 'number'
  if (!signed && !values.has(first.kind)) return null
  const value = signed ? `-${second.text}` : first.text
  return { condition: { field: field.text, op: op.text, value }, next: at + (signed ? 4 : 3) }
}

export function filterOf(conditions: readonly Condition[]): string {
  if (conditions.length === 0) return '{ }'
  return `{ ${conditions.map(({ field, op, value }) => `${field} ${op} ${value}`).join(' && ')} }`
}

/** Text as a literal. */
export function literal(text: string): string {
  return `"${text.replace(/\\/g, '\\\\').replace(/"/g, '\\"').replace(/\n/g, '\\n')}"`
}

/** The text that a literal stands for; other values are what is written. */
export function plain(value: string): string {
  if (/^`[^`]*`$/.test(value)) return value.slice(1, -1)
  if (!/^"(?:[^"\\]|\\[^])*"$/.test(value)) return value
  const escapes: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r' }
  return value.slice(1, -1).replace(/\\([^])/g, (_, c: string) => escapes[c] ?? c)
}

/** What is typed as a value: numbers, durations and truths as they are, all else is text. */
export function guessed(typed: string): string {
  const word = typed.trim()
  if (/^-?\d+(\.\d+)?$/.test(word) || /^(\d+(\.\d+)?(ns|us|µs|ms|s|m|h))+$/.test(word)) return word
  if (word === 'true' || word === 'false' || word === 'nil') return word
  return /^(".*"|`.*`)$/s.test(word) ? word : literal(word)
}

/** A value as the server tells it. */
export const literalOf = (type: string, value: string): string => (type === 'string' ? literal(value) : value)

/** An attribute's name as it is written behind its scope. */
export function scoped(scope: string, name: string): string {
  return `${scope}.${/^[a-zA-Z_][a-zA-Z0-9_.\-/:]*$/.test(name) ? name : literal(name)}`
}

const serviceNames = ['resource.service.name', '.service.name', 'service.name']

/** What the controls beside a query show. */
export interface Filters {
  readonly service: string | null
  readonly operation: string | null
  readonly kind: string | null
  readonly status: string | null
  readonly atLeast: string | null
  readonly atMost: string | null
  readonly others: readonly Condition[]
}

type Slot = Exclude<keyof Filters, 'others'>

const written: Readonly<
  Record<Slot, { readonly fields: readonly string[]; readonly ops: readonly string[] }>
> = {
  service: { fields: serviceNames, ops: ['='] },
  operation: { fields: ['name', 'span:name'], ops: ['='] },
  kind: { fields: ['kind', 'span:kind'], ops: ['='] },
  status: { fields: ['status', 'span:status'], ops: ['='] },
  atLeast: { fields: ['duration', 'span:duration'], ops: ['>=', '>'] },
  atMost: { fields: ['duration', 'span:duration'], ops: ['<=', '<'] },
}

const slots = Object.keys(written) as Slot[]

function slotOf(condition: Condition): Slot | null {
  return (
    slots.find(
      (slot) => written[slot].fields.includes(condition.field) && written[slot].ops.includes(condition.op),
    ) ?? null
  )
}

export function filtersOf(conditions: readonly Condition[]): Filters {
  const taken = new Map<Slot, string>()
  const others: Condition[] = []
  for (const condition of conditions) {
    const slot = slotOf(condition)
    if (slot === null || taken.has(slot)) others.push(condition)
    else taken.set(slot, plain(condition.value))
  }
  const of = (slot: Slot) => taken.get(slot) ?? null
  return {
    service: of('service'),
    operation: of('operation'),
    kind: of('kind'),
    status: of('status'),
    atLeast: of('atLeast'),
    atMost: of('atMost'),
    others,
  }
}

/** The conditions with one of the controls set; null takes it back. */
export function withFilter(conditions: readonly Condition[], slot: Slot, value: string | null): Condition[] {
  const at = conditions.findIndex((condition) => slotOf(condition) === slot)
  const rest = conditions.filter((_, index) => index !== at)
  if (value === null || value === '') return rest
  const { fields, ops } = written[slot]
  const text = slot === 'service' || slot === 'operation' ? literal(value) : value
  const made = { field: fields[0] ?? slot, op: ops[0] ?? '=', value: text }
  return at < 0 ? [...rest, made] : conditions.map((old, index) => (index === at ? made : old))
}

/** Adds a condition, or takes it back where it stands already; `null` if the query is more than a filter. */
export function toggled(query: string, condition: Condition): string | null {
  const conditions = conditionsOf(query)
  if (conditions === null) return null
  const same = (other: Condition) =>
    other.field === condition.field && other.op === condition.op && other.value === condition.value
  return filterOf(
    conditions.some(same) ? conditions.filter((other) => !same(other)) : [...conditions, condition],
  )
}

/** A query for that which a filter finds and meets further conditions; of any other query a stage behind it. */
export function narrowed(query: string, more: readonly Condition[]): string {
  const conditions = conditionsOf(query)
  if (conditions === null) return `${query} | ${filterOf(more)}`
  const stands = (old: Condition) =>
    more.some(({ field, op }) => field === old.field && op.slice(0, 1) === old.op.slice(0, 1))
  const replaced = conditions.filter((old) => !stands(old))
  return filterOf([...replaced, ...more])
}

/** A duration in milliseconds as a query writes it. */
export function durationLiteral(ms: number): string {
  if (ms >= 1000 && Number.isInteger(ms / 100)) return `${ms / 1000}s`
  if (ms >= 1) return `${Number(ms.toPrecision(4))}ms`
  if (ms >= 0.001) return `${Number((ms * 1000).toPrecision(4))}us`
  return `${Math.max(Math.round(ms * 1e6), 0)}ns`
}
