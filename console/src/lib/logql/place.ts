import { quote } from '../matcher'
import { conditionsIn, logQueryOf, selectorOf } from './shape'
import { tokensOf, type Token } from './tokens'

interface Typed {
  /** Where what is being typed begins, and what there is of it. */
  readonly from: number
  readonly typed: string
  /** Whether to offer something although nothing is typed yet. */
  readonly eager: boolean
}

/** What may stand at the cursor. */
export type CompletionPlace = Typed &
  (
    | { readonly kind: 'start' | 'duration' }
    /** A label of streams that meet the matchers around it. */
    | { readonly kind: 'label'; readonly selector: string | undefined }
    | {
        readonly kind: 'value'
        readonly name: string
        readonly selector: string | undefined
        readonly closed: boolean
      }
    /** A stage or the name of a field, of the lines of the query so far. */
    | { readonly kind: 'stage' | 'field'; readonly query: string; readonly selector: string }
    | { readonly kind: 'fieldValue'; readonly name: string; readonly query: string; readonly closed: boolean }
  )

/** The other matchers between the braces, as a selector of its own. */
function others(inside: readonly Token[], editing: string | undefined): string | undefined {
  const matchers = conditionsIn(inside).filter(({ name, value }) => name !== editing && value !== '')
  if (matchers.length === 0) return undefined
  return `{${matchers.map(({ name, op, value }) => `${name}${op}${quote(value)}`).join(', ')}}`
}

/** Tokens that end before a place; the one the place is in, if any, apart. */
function around(text: string, at: number): { before: Token[]; within: Token | null } {
  const before: Token[] = []
  for (const token of tokensOf(text)) {
    const open = token.kind === 'string' && !closedString(token)
    if (token.to < at || (token.to === at && !isWord(token) && !open)) before.push(token)
    else if (token.from < at) return { before, within: token }
    else break
  }
  return { before, within: null }
}

const isWord = ({ kind }: Token): boolean => kind === 'name' || kind === 'keyword' || kind === 'function'
const closedString = ({ text }: Token): boolean =>
  text.length > 1 && text.endsWith(text[0] ?? '') && !text.endsWith('\\"')

/** The innermost bracket that is open before a place. */
function openBracket(before: readonly Token[]): number {
  const open: number[] = []
  before.forEach(({ kind }, index) => {
    if (kind === 'open') open.push(index)
    else if (kind === 'close') open.pop()
  })
  return open.at(-1) ?? -1
}

/** The query for lines that stands before the last pipe, complete as it is. */
function queryBefore(text: string, before: readonly Token[]): string | null {
  const pipe = before.findLast(({ kind }) => kind === 'pipe')
  const until = pipe === undefined ? text.length : pipe.from
  return logQueryOf(text.slice(0, until))
}

function inSelector(
  text: string,
  inside: readonly Token[],
  rest: Typed,
  within: Token | null,
  at: number,
): CompletionPlace | null {
  const [name, op] = inside.slice(-2)
  const previous = inside.at(-1)
  if (within?.kind === 'string' || (previous?.kind === 'operator' && within === null)) {
    if (name === undefined || op?.kind !== 'operator' || within === null) return null
    const from = within.from + 1
    const closed = closedString(within) || text[at] === '"'
    const selector = others(inside, name.text)
    return {
      kind: 'value',
      name: name.text,
      selector,
      closed,
      from,
      typed: text.slice(from, at),
      eager: true,
    }
  }
  if (previous === undefined || previous.kind === 'comma')
    return { kind: 'label', selector: others(inside, undefined), ...rest }
  return null
}

/** What may be completed at a place of a text. */
export function completionPlace(text: string, at: number): CompletionPlace | null {
  const { before, within } = around(text, at)
  if (within?.kind === 'comment') return null
  const from = within !== null && isWord(within) ? within.from : at
  const rest = { from, typed: text.slice(from, at), eager: true }
  const open = openBracket(before)
  const bracket = before[open]?.text
  if (bracket === '{') return inSelector(text, before.slice(open + 1), rest, within, at)
  if (bracket === '[') return { kind: 'duration', ...rest, eager: before.at(-1)?.text === '[' }
  const previous = before.at(-1)
  if (within?.kind === 'string') {
    const name = before.at(-2)
    if (previous?.kind !== 'operator' || name?.kind !== 'name') return null
    const query = queryBefore(text, before)
    if (query === null) return null
    const start = within.from + 1
    const closed = closedString(within) || text[at] === '"'
    return {
      kind: 'fieldValue',
      name: name.text,
      query,
      closed,
      from: start,
      typed: text.slice(start, at),
      eager: true,
    }
  }
  const query = queryBefore(text, before)
  const selector = query === null ? null : selectorOf(query)
  if (query === null || selector === null) {
    const begins = previous === undefined || previous.text === '('
    return begins ? { kind: 'start', ...rest, eager: previous === undefined } : null
  }
  if (previous?.kind === 'pipe') return { kind: 'stage', query, selector, ...rest }
  const names = ['by', 'without', 'and', 'or', 'drop', 'keep', 'unwrap']
  const listed =
    previous?.text === ',' ||
    names.includes(previous?.text ?? '') ||
    ['by', 'without'].includes(before[open - 1]?.text ?? '')
  return listed ? { kind: 'field', query, selector, ...rest } : null
}
