import type { Matcher } from '../api/alerting'
import type { Labels } from '../api/types'
import { quote } from './matcher'

/** Conditions on labels in the syntax of Alertmanager, or what is wrong with the text. */
export type ParsedMatchers =
  | { readonly matchers: readonly Matcher[] }
  | { readonly mistake: 'name' | 'operator' | 'quote' | 'brace' | 'rest' }

const plainName = /^[a-zA-Z_][a-zA-Z0-9_]*$/
const operator = /^\s*(=~|!~|!=|=)\s*/

function unescape(text: string): string {
  return text.replace(/\\(.)/gs, (all, c: string) => (c === 'n' ? '\n' : c === '"' || c === '\\' ? c : all))
}

/** Reads `a="b"`, `a=b,c=~"d"` or `{a="b", "c d"!="e"}`, as the server does. */
export function parseMatchers(text: string): ParsedMatchers {
  let rest = text.trim()
  const braces = rest.startsWith('{')
  if (braces) rest = rest.slice(1)
  const matchers: Matcher[] = []
  const quoted = (): string | null => {
    const found = /^"((?:[^"\\]|\\.)*)"/s.exec(rest)
    if (found === null) return null
    rest = rest.slice(found[0].length)
    return unescape(found[1] ?? '')
  }
  for (;;) {
    rest = rest.trimStart()
    if (rest === '' || (braces && rest.startsWith('}'))) break
    let name: string | null
    if (rest.startsWith('"')) {
      name = quoted()
      if (name === null) return { mistake: 'quote' }
    } else {
      name = /^[^=!~,{}"\s]*/.exec(rest)?.[0] ?? ''
      rest = rest.slice(name.length)
    }
    if (name === '') return { mistake: 'name' }
    const op = operator.exec(rest)
    if (op === null) return { mistake: 'operator' }
    rest = rest.slice(op[0].length)
    let value: string | null
    if (rest.startsWith('"')) {
      value = quoted()
      if (value === null) return { mistake: 'quote' }
    } else {
      const bare = /^[^,}"]*/.exec(rest)?.[0] ?? ''
      rest = rest.slice(bare.length)
      if (rest.startsWith('"')) return { mistake: 'quote' }
      value = unescape(bare.trimEnd())
    }
    matchers.push({
      name,
      value,
      isRegex: op[1]?.endsWith('~') === true,
      isEqual: op[1]?.startsWith('=') === true,
    })
    rest = rest.trimStart()
    if (!rest.startsWith(',')) break
    rest = rest.slice(1)
  }
  rest = rest.trimStart()
  if (braces) {
    if (!rest.startsWith('}')) return { mistake: 'brace' }
    rest = rest.slice(1).trimStart()
  }
  return rest === '' ? { matchers } : { mistake: 'rest' }
}

export type MatchOperator = '=' | '!=' | '=~' | '!~'

export const matchOperators: readonly MatchOperator[] = ['=', '!=', '=~', '!~']

export const operatorOf = ({ isEqual, isRegex }: Matcher): MatchOperator =>
  isEqual ? (isRegex ? '=~' : '=') : isRegex ? '!~' : '!='

export const withOperator = (matcher: Matcher, op: MatchOperator): Matcher => ({
  ...matcher,
  isEqual: op.startsWith('='),
  isRegex: op.endsWith('~'),
})

export const matcherText = (matcher: Matcher): string =>
  `${plainName.test(matcher.name) ? matcher.name : quote(matcher.name)}${operatorOf(matcher)}${quote(matcher.value)}`

export const matchersText = (matchers: readonly Matcher[]): string => matchers.map(matcherText).join(', ')

export const equality = (name: string, value: string): Matcher => ({
  name,
  value,
  isRegex: false,
  isEqual: true,
})

/** A pattern as the server takes it: it must match all of the value. Null for one that no browser understands. */
export function wholePattern(pattern: string): RegExp | null {
  for (const flags of ['u', '']) {
    try {
      return new RegExp(`^(?:${pattern})$`, flags + 's')
    } catch {
      // Go's syntax and that of browsers differ in places.
    }
  }
  return null
}

export type LabelTest = (labels: Labels) => boolean

/** Whether labels meet all conditions; an absent label has the empty value. */
export function matcherTest(matchers: readonly Matcher[]): LabelTest {
  const tests = matchers.map((m): LabelTest => {
    if (!m.isRegex) return (labels) => ((labels[m.name] ?? '') === m.value) === m.isEqual
    const pattern = wholePattern(m.value)
    return (labels) => pattern !== null && pattern.test(labels[m.name] ?? '') === m.isEqual
  })
  return (labels) => tests.every((test) => test(labels))
}

/** Whether a text of a filter box is meant as conditions, and not as words to look for. */
export const looksLikeMatchers = (text: string): boolean => /[=!]~?|^\s*\{/.test(text)

/** The filter with a condition added, taken away, or turned round. */
export function toggleMatcher(filter: string, wanted: Matcher): string {
  const parsed = looksLikeMatchers(filter) ? parseMatchers(filter) : null
  const known = parsed !== null && 'matchers' in parsed ? parsed.matchers : []
  const same = (m: Matcher) => m.name === wanted.name && m.value === wanted.value && !m.isRegex
  const stood = known.find(same)
  const rest = known.filter((m) => !same(m))
  const next = stood?.isEqual === wanted.isEqual ? rest : [...rest, wanted]
  return matchersText(next)
}
