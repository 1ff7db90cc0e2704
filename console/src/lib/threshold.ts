import {
  And,
  BinaryExpr,
  Eql,
  EqlSingle,
  Gte,
  Gtr,
  Lss,
  Lte,
  Neq,
  NumberDurationLiteral,
  ParenExpr,
  parser,
  UnaryExpr,
  Unless,
} from '@prometheus-io/lezer-promql'
import type { SyntaxNode } from '@lezer/common'

export type Comparison = '>' | '>=' | '<' | '<=' | '==' | '!='

/** An alert's expression taken apart: what is measured, and against what. */
export interface Threshold {
  /** The side whose course is of interest. */
  readonly value: string
  readonly op: Comparison
  /** The other side, as text, and its number if it is one. */
  readonly limit: string
  readonly number: number | null
}

const comparisons = new Map<number, Comparison>([
  [Gtr, '>'],
  [Gte, '>='],
  [Lss, '<'],
  [Lte, '<='],
  [Eql, '=='],
  [EqlSingle, '=='],
  [Neq, '!='],
])
const mirrored: Readonly<Record<Comparison, Comparison>> = {
  '>': '<',
  '>=': '<=',
  '<': '>',
  '<=': '>=',
  '==': '==',
  '!=': '!=',
}

function children(node: SyntaxNode): SyntaxNode[] {
  const out: SyntaxNode[] = []
  for (let child = node.firstChild; child !== null; child = child.nextSibling) out.push(child)
  return out
}

const plainNumber = /^[\s(]*[-+]?(\d+(\.\d*)?|\.\d+)(e[-+]?\d+)?[\s)]*$/i
const arithmetic = /^[\d\s.+\-*/()e]+$/i

/** The number a side is, as far as it can be told without asking: literals, and products and sums of them. */
function numberOf(text: string): number | null {
  if (plainNumber.test(text)) return Number(text.replace(/[()\s]/g, ''))
  if (!arithmetic.test(text)) return null
  return evaluate(text)
}

/** Sums and products of literals. */
function evaluate(text: string): number | null {
  const tokens = text.match(/\d+(?:\.\d*)?(?:e[-+]?\d+)?|\.\d+(?:e[-+]?\d+)?|[-+*/()]/gi) ?? []
  let at = 0
  const factor = (): number => {
    const token = tokens[at++]
    if (token === '-') return -factor()
    if (token === '+') return factor()
    if (token === '(') {
      const inner = sum()
      return tokens[at++] === ')' ? inner : NaN
    }
    return token === undefined ? NaN : Number(token)
  }
  const product = (): number => {
    let value = factor()
    while (tokens[at] === '*' || tokens[at] === '/')
      value = tokens[at++] === '*' ? value * factor() : value / factor()
    return value
  }
  const sum = (): number => {
    let value = product()
    while (tokens[at] === '+' || tokens[at] === '-')
      value = tokens[at++] === '+' ? value + product() : value - product()
    return value
  }
  const value = sum()
  return at === tokens.length && Number.isFinite(value) ? value : null
}

/** The comparison that decides: at the top, or within parentheses, or on the left of `and` and `unless`. */
function deciding(node: SyntaxNode | null): SyntaxNode | null {
  if (node === null) return null
  const parts = children(node)
  if (node.type.id === ParenExpr || node.type.id === UnaryExpr) {
    return node.type.id === ParenExpr ? deciding(parts.find((p) => !/^[()]$/.test(p.name)) ?? null) : null
  }
  if (node.type.id !== BinaryExpr) {
    // The root and wrappers of it have one child.
    return parts.length === 1 && node.type.id !== NumberDurationLiteral ? deciding(parts[0] ?? null) : null
  }
  if (parts.some((p) => comparisons.has(p.type.id))) return node
  if (parts.some((p) => p.type.id === And || p.type.id === Unless)) {
    return deciding(parts[0] ?? null) ?? deciding(parts.at(-1) ?? null)
  }
  return null
}

/** What an alert's expression measures and compares with; null if it does not compare. */
export function thresholdOf(expr: string): Threshold | null {
  const node = deciding(parser.parse(expr).topNode)
  if (node === null) return null
  const parts = children(node)
  const op = parts.map((p) => comparisons.get(p.type.id)).find((found) => found !== undefined)
  const [first, last] = [parts[0], parts.at(-1)]
  if (op === undefined || first === undefined || last === undefined || first === last) return null
  const [left, right] = [expr.slice(first.from, first.to).trim(), expr.slice(last.from, last.to).trim()]
  if (left === '' || right === '') return null
  const number = numberOf(right)
  if (number !== null) return { value: left, op, limit: right, number }
  const leftNumber = numberOf(left)
  if (leftNumber !== null) return { value: right, op: mirrored[op], limit: left, number: leftNumber }
  return { value: left, op, limit: right, number: null }
}

/** Whether a value is on the side of the threshold that alerts. */
export function violates(value: number, op: Comparison, limit: number): boolean {
  switch (op) {
    case '>':
      return value > limit
    case '>=':
      return value >= limit
    case '<':
      return value < limit
    case '<=':
      return value <= limit
    case '==':
      return value === limit
    case '!=':
      return value !== limit
  }
}
