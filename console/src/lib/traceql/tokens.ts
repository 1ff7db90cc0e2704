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

export interface Token {
  readonly kind: TokenKind
  readonly from: number
  readonly to: number
  readonly text: string
}

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

/** Matched at the place where the last token ended; the first that matches is the token. */
const shapes: readonly (readonly [TokenKind, RegExp])[] = [
  ['comment', /\/\/[^\n]*|\/\*[^]*?(?:\*\/|$)/y],
  // A string that is not closed yet goes to the end of its line, or of the text between backticks.
  ['string', /"(?:[^"\\\n]|\\[^])*"?|`[^`]*`?/y],
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

export function tokensOf(text: string): Token[] {
  const out: Token[] = []
  let at = 0
  while (at < text.length) {
    const space = /\s*/y
    space.lastIndex = at
    at += space.exec(text)?.[0].length ?? 0
    for (const [kind, shape] of shapes) {
      shape.lastIndex = at
      const found = shape.exec(text)?.[0]
      if (found === undefined || found === '') continue
      const to = at + found.length
      out.push({ kind: kindOf(kind, found, text.slice(to, to + 40)), from: at, to, text: found })
      at = to
      break
    }
  }
  return out
}

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
