import { scanner, stringShape, type Shapes, type Token as Shared } from '@/lib/tokens'

/**
 * The words of LogQL, as far as colouring, completion and editing need them. The server's parser is the judge of what
 * is right; this one takes any text, also half-typed, and never fails.
 */
export type TokenKind =
  | 'string'
  | 'number'
  | 'name'
  | 'keyword'
  | 'function'
  | 'operator'
  | 'pipe'
  | 'filter'
  | 'open'
  | 'close'
  | 'comma'
  | 'comment'
  | 'other'

export type Token = Shared<TokenKind>

export const parsers = ['json', 'logfmt', 'pattern', 'regexp', 'unpack'] as const

/** Stages behind a pipe. */
export const stages = [
  ...parsers,
  'line_format',
  'label_format',
  'decolorize',
  'drop',
  'keep',
  'unwrap',
] as const

export const rangeFunctions = [
  'count_over_time',
  'rate',
  'bytes_over_time',
  'bytes_rate',
  'sum_over_time',
  'avg_over_time',
  'min_over_time',
  'max_over_time',
  'first_over_time',
  'last_over_time',
  'stddev_over_time',
  'stdvar_over_time',
  'quantile_over_time',
  'absent_over_time',
  'rate_counter',
] as const

export const aggregations = [
  'sum',
  'avg',
  'min',
  'max',
  'count',
  'stddev',
  'stdvar',
  'topk',
  'bottomk',
  'approx_topk',
  'sort',
  'sort_desc',
] as const

const keywords = new Set<string>([
  ...stages,
  'by',
  'without',
  'and',
  'or',
  'unless',
  'on',
  'ignoring',
  'group_left',
  'group_right',
  'bool',
  'offset',
])
const functions = new Set<string>([
  ...rangeFunctions,
  ...aggregations,
  'label_replace',
  'vector',
  'ip',
  'duration',
  'duration_seconds',
  'bytes',
])

const shapes: Shapes<TokenKind> = [
  ['comment', /#[^\n]*/y],
  ['string', stringShape],
  ['filter', /\|=|\|~|\|>|!>/y],
  ['operator', /!=|!~|=~|==|>=|<=|[=<>+\-*/%^]/y],
  ['pipe', /\|/y],
  ['number', /\d+(?:\.\d+)?(?:[a-zA-Zµ]+(?:\d+[a-zA-Zµ]+)*)?/y],
  ['name', /[a-zA-Z_][a-zA-Z0-9_]*/y],
  ['open', /[{([]/y],
  ['close', /[})\]]/y],
  ['comma', /,/y],
  ['other', /[^\s]/y],
]

function kindOf(kind: TokenKind, word: string, rest: string): TokenKind {
  if (kind !== 'name') return kind
  const called = /^\s*(\(|by\b|without\b)/.test(rest)
  if (functions.has(word) && called) return 'function'
  // `level = "x"` compares a label, whatever its name.
  return keywords.has(word) && !/^\s*(=|!=|!~|>|<)/.test(rest) ? 'keyword' : 'name'
}

export const tokensOf = scanner(shapes, kindOf)

/** The text a string literal stands for; null if it is not a whole one. */
export function unquote(literal: string): string | null {
  if (/^`[^`]*`$/.test(literal)) return literal.slice(1, -1)
  if (!/^"(?:[^"\\]|\\[^])*"$/.test(literal)) return null
  const escapes: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r' }
  return literal.slice(1, -1).replace(/\\([^])/g, (_, c: string) => escapes[c] ?? c)
}
