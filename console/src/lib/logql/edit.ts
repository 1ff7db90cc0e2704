import type { Labels } from '../../api/types'
import { quote } from '../matcher'
import { shapeOf, type Condition, type LogShape, type Stage } from './shape'

/** Where a field of a line is from: it decides where in a query it is compared. */
export type Origin = 'stream' | 'structured' | 'parsed'

export interface Field {
  readonly name: string
  readonly value: string
  readonly origin: Origin
}

const splice = (text: string, from: number, to: number, put: string): string =>
  text.slice(0, from) + put + text.slice(to)

/** Stages after which a line is no longer what was stored. */
const rewriting = new Set(['line_format', 'decolorize', 'unpack'])

const write = (name: string, op: string, value: string): string => `${name}${op}${quote(value)}`

/** Matchers of a selector as text; one of them must not match the empty value, or the server refuses. */
function writeSelector(
  matchers: readonly Pick<Condition, 'name' | 'op' | 'value'>[],
  fallback: string,
): string {
  const narrows = matchers.some(
    ({ op, value }) => (op === '=' && value !== '') || (op === '=~' && value !== '.*'),
  )
  const all = narrows ? matchers : [{ name: fallback, op: '=~', value: '.+' }, ...matchers]
  return `{${all.map(({ name, op, value }) => write(name, op, value)).join(', ')}}`
}

function editSelector(query: string, shape: LogShape, field: Field, op: '=' | '!='): string {
  const { name, value } = field
  const same = shape.matchers.some((m) => m.name === name && m.op === op && m.value === value)
  const kept = shape.matchers.filter((m) => {
    if (m.name !== name) return true
    // A second value of one label would match nothing; what is searched for takes the place of what was.
    if (op === '=') return false
    return !(m.value === value && (m.op === '=' || m.op === '!='))
  })
  const wanted = same ? kept : [...kept, { name, op, value }]
  return splice(query, shape.selectorFrom, shape.selectorTo, writeSelector(wanted, name))
}

/** Removes a stage together with the space before it. */
function removeStage(query: string, stage: Stage): string {
  const before = query.slice(0, stage.from).replace(/\s+$/, '')
  return before + query.slice(stage.to)
}

function append(query: string, shape: LogShape, stage: string): string {
  return splice(query, shape.end, shape.end, ` ${stage}`)
}

function editPipeline(query: string, shape: LogShape, field: Field, op: '=' | '!='): string {
  const { name, value } = field
  const about = shape.stages.filter((s) => s.condition?.name === name)
  const same = about.find((s) => s.condition?.op === op && s.condition.value === value)
  if (same !== undefined) return removeStage(query, same)
  const contrary = about.find(({ condition }) => {
    if (condition === null) return false
    const opposite = condition.value === value && (condition.op === '=' || condition.op === '!=')
    return opposite || (op === '=' && condition.op === '=')
  })
  if (contrary?.condition != null) {
    return splice(query, contrary.condition.from, contrary.condition.to, write(name, op, value))
  }
  return append(query, shape, `| ${write(name, op, value)}`)
}

/**
 * Lets only lines with a value pass, or none of them. Asking again for what a query says already takes it back. A text
 * without a selector stays as it is.
 */
export function filterBy(query: string, field: Field, op: '=' | '!='): string {
  const shape = shapeOf(query)
  if (shape === null) return query
  return field.origin === 'stream'
    ? editSelector(query, shape, field, op)
    : editPipeline(query, shape, field, op)
}

/** What a query says of a value: it is asked for, left out, or neither. */
export function standing(query: string, field: Field): '=' | '!=' | null {
  const shape = shapeOf(query)
  if (shape === null) return null
  const conditions =
    field.origin === 'stream'
      ? shape.matchers
      : shape.stages.flatMap((s) => (s.condition === null ? [] : [s.condition]))
  const found = conditions.find((c) => c.name === field.name && c.value === field.value)
  return found?.op === '=' || found?.op === '!=' ? found.op : null
}

/**
 * Lets only lines with a text pass, or none of them. The filter goes to the other line filters at the front, where the
 * store answers it with its indexes, unless a stage rewrites lines.
 */
export function filterLines(query: string, text: string, op: '|=' | '!='): string {
  const shape = shapeOf(query)
  if (shape === null) return query
  const stage = `${op} ${quote(text)}`
  if (shape.stages.some((s) => s.word === op && s.text === text)) return query
  if (shape.stages.some((s) => rewriting.has(s.word))) return append(query, shape, stage)
  const at = frontEnd(shape)
  return splice(query, at, at, ` ${stage}`)
}

/** Behind the selector and the line filters that follow it. */
function frontEnd(shape: LogShape): number {
  let at = shape.selectorTo
  for (const stage of shape.stages) {
    if (stage.kind !== 'filter') break
    at = stage.to
  }
  return at
}

/** Takes lines apart; a query that does already stays as it is. */
export function addParser(query: string, parser: 'json' | 'logfmt'): string {
  const shape = shapeOf(query)
  if (shape === null || shape.stages.some((s) => s.word === parser)) return query
  const at = frontEnd(shape)
  return splice(query, at, at, ` | ${parser}`)
}

export const parses = (query: string): boolean =>
  shapeOf(query)?.stages.some((stage) => stage.kind === 'parser') === true

/** A selector of the streams that have all of these labels. */
export function streamSelector(labels: Labels): string {
  const matchers = Object.entries(labels).map(([name, value]) => write(name, '=', value))
  return `{${matchers.join(', ')}}`
}

/**
 * What was typed as a query: LogQL stays what it is, anything else is searched for in all lines. `all` is a selector
 * that every stream meets.
 */
export function asQuery(typed: string, all: string): string {
  const text = typed.trim()
  if (text === '') return ''
  // Braces, a pipe or a call are LogQL, right or wrong; the server says what is wrong with it.
  if (/[{|]/.test(text) || /^[a-z_]+\s*(\(|by\b|without\b)/.test(text)) return text
  const whole = /^"(.*)"$/.exec(text)?.[1] ?? text
  return `${all} |= ${quote(whole)}`
}
