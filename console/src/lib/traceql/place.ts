import { tokensOf, type Token } from './tokens'

interface Typed {
  /** Where what is being typed begins, and what there is of it. */
  readonly from: number
  readonly typed: string
  /** Whether to offer something although nothing is typed yet. */
  readonly eager: boolean
}

/** What may stand at the cursor of a query of TraceQL. */
export type CompletionPlace = Typed &
  (
    | { readonly kind: 'start' | 'stage' }
    /** A field, of spans that meet the conditions before it. */
    | { readonly kind: 'field'; readonly filter: string }
    | {
        readonly kind: 'value'
        readonly field: string
        readonly filter: string
        /** Within quotes; otherwise the value brings its own. */
        readonly quoted: boolean
        readonly closed: boolean
      }
  )

const comparisons = new Set(['=', '!=', '>', '>=', '<', '<=', '=~', '!~'])
const isWord = ({ kind }: Token): boolean =>
  ['name', 'keyword', 'function', 'constant', 'number'].includes(kind)
const isClosed = ({ text }: Token): boolean =>
  text.length > 1 && text.endsWith(text[0] ?? '') && !text.endsWith('\\"')

/** Tokens that end before a place; the one the place is in, if any, apart. */
function around(text: string, at: number): { before: Token[]; within: Token | null } {
  const before: Token[] = []
  for (const token of tokensOf(text)) {
    const open = (token.kind === 'string' && !isClosed(token)) || token.kind === 'comment'
    if (token.to < at || (token.to === at && !isWord(token) && !open)) before.push(token)
    else if (token.from < at) return { before, within: token }
    else break
  }
  return { before, within: null }
}

/** Places of the brackets that are open before the end. */
function openBrackets(before: readonly Token[]): number[] {
  const open: number[] = []
  before.forEach(({ kind }, index) => {
    if (kind === 'open') open.push(index)
    else if (kind === 'close') open.pop()
  })
  return open
}

export function completionPlace(text: string, at: number): CompletionPlace | null {
  const { before, within } = around(text, at)
  if (within?.kind === 'comment') return null
  const word = within !== null && isWord(within) ? within : null
  const from = word === null ? at : word.from
  const typed = { from, typed: text.slice(from, at) }
  const open = openBrackets(before)
  const brace = open.findLast((index) => before[index]?.text === '{')
  const previous = before.at(-1)
  if (brace !== undefined) return inFilter(text, at, before, brace, within, typed)
  if (within?.kind === 'string') return null
  if (open.length > 0) {
    const call = before[(open.at(-1) ?? 0) - 1]
    const lists = call !== undefined && ['by', 'select'].includes(call.text)
    const measures = call?.kind === 'function' && call.text !== 'compare'
    if (lists || measures) return { kind: 'field', filter: '', eager: true, ...typed }
  }
  if (previous === undefined || previous.text === '(' || previous.kind === 'operator')
    return { kind: 'start', eager: previous === undefined, ...typed }
  return previous.kind === 'pipe' ? { kind: 'stage', eager: true, ...typed } : null
}

function inFilter(
  text: string,
  at: number,
  before: readonly Token[],
  brace: number,
  within: Token | null,
  typed: { readonly from: number; readonly typed: string },
): CompletionPlace | null {
  const inside = before.slice(brace + 1)
  const [name, op] = inside.slice(-2)
  const start = before[brace]?.from ?? 0
  if (name?.kind === 'name' && op !== undefined && comparisons.has(op.text)) {
    // Only what stands before this comparison narrows what it may be compared with.
    const filter = `${text
      .slice(start, name.from)
      .trimEnd()
      .replace(/(&&|\|\||\()$/, '')} }`
    if (within?.kind === 'string') {
      const from = within.from + 1
      const closed = isClosed(within) || text[at] === '"'
      return {
        kind: 'value',
        field: name.text,
        filter,
        quoted: true,
        closed,
        from,
        typed: text.slice(from, at),
        eager: true,
      }
    }
    return { kind: 'value', field: name.text, filter, quoted: false, closed: true, eager: true, ...typed }
  }
  if (within !== null && !isWord(within)) return null
  const last = inside.at(-1)
  const begins = last === undefined || ['&&', '||', '(', '!'].includes(last.text)
  return begins
    ? { kind: 'field', filter: `${text.slice(start, typed.from)} }`, eager: true, ...typed }
    : null
}
