import { scanner, stringShape, type Shapes, type Token as Shared } from '@/lib/tokens'

/**
 * The words of TraceQL, as far as colouring, completion and filters need them. The server's parser is the judge of what
 * is right; this one takes any text, also half-typed, and never fails.
 */
export type TokenKind =
  | 'string'
  | 'number'
  | 'name'
  | 'constant'
  | 'keyword'
  | 'function'
  | 'operator'
  | 'pipe'
  | 'open'
  | 'close'
  | 'comma'
  | 'comment'
  | 'other'

export type Token = Shared<TokenKind>

/** Functions that make numbers over time of spans. */
export const metricFunctions = [
  'rate',
  'count_over_time',
  'sum_over_time',
  'avg_over_time',
  'min_over_time',
  'max_over_time',
  'quantile_over_time',
  'histogram_over_time',
  'compare',
] as const

export const aggregates = ['count', 'avg', 'min', 'max', 'sum'] as const

const functions = new Set<string>([...metricFunctions, ...aggregates, 'topk', 'bottomk'])
const keywords = new Set(['by', 'select', 'coalesce', 'with'])
const constants = new Set([
  'true',
  'false',
  'nil',
  'error',
  'ok',
  'unset',
  'server',
  'client',
  'internal',
  'producer',
  'consumer',
  'unspecified',
])

const shapes: Shapes<TokenKind> = [
  ['comment', /\/\/[^\n]*|\/\*[^]*?(?:\*\/|$)/y],
  ['string', stringShape],
  ['operator', /&&|\|\||[!&]>>|[!&]<<|[!&][><~]|>>|<<|>=|<=|!=|=~|[=<>~!+\-*/%^]/y],
  ['pipe', /\|/y],
  ['number', /\d+(?:\.\d+)?(?:[a-zA-Zµ]+(?:\d+(?:\.\d+)?[a-zA-Zµ]+)*)?/y],
  ['name', /\.?[a-zA-Z_](?:[^\s{}()=!<>~&|^,"`]|"(?:[^"\\\n]|\\[^])*")*|\."(?:[^"\\\n]|\\[^])*"/y],
  ['open', /[{(]/y],
  ['close', /[})]/y],
  ['comma', /,/y],
  ['other', /[^\s]/y],
]

function kindOf(kind: TokenKind, word: string, rest: string): TokenKind {
  if (kind !== 'name') return kind
  if (keywords.has(word) && /^\s*\(/.test(rest)) return 'keyword'
  if (functions.has(word) && /^\s*\(/.test(rest)) return 'function'
  return constants.has(word) ? 'constant' : 'name'
}

export const tokensOf = scanner(shapes, kindOf)

/** Whether a query gives numbers over time instead of spans. */
export function isMetric(text: string): boolean {
  return tokensOf(text).some(
    (token) => token.kind === 'function' && metricFunctions.some((name) => name === token.text),
  )
}

/** A query with a further stage at its end, before its hints. */
export function withStage(text: string, stage: string): string {
  const tokens = tokensOf(text).filter(({ kind }) => kind !== 'comment')
  const hints = tokens.findLast(({ kind, text: word }) => kind === 'keyword' && word === 'with')
  const last = tokens.at(-1)
  if (last === undefined) return `{ } | ${stage}`
  const end = hints === undefined ? last.to : hints.from
  // What is asked for stands behind all of the text, so that places in errors stay those of the text.
  return `${text.slice(0, end).trimEnd()} | ${stage}${hints === undefined ? '' : ` ${text.slice(hints.from, last.to)}`}`
}
