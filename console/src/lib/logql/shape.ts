import { parsers, tokensOf, unquote, type Token } from './tokens'

/** `name op value` within the braces of a selector, or as a stage of its own in the pipeline. */
export interface Condition {
  readonly name: string
  readonly op: string
  readonly value: string
  readonly from: number
  readonly to: number
}

/** One stage of a pipeline, from its pipe or filter sign to where the next begins. */
export interface Stage {
  readonly from: number
  readonly to: number
  readonly kind: 'filter' | 'parser' | 'condition' | 'other'
  /** The sign of a line filter (`|=`, `!~`, …), or the first word. */
  readonly word: string
  /** A condition that stands alone and compares with a string. */
  readonly condition: Condition | null
  /** The text of a line filter with a single string. */
  readonly text: string | null
}

/** The query for lines within a text: its selector, and the pipeline behind it. */
export interface LogShape {
  readonly selectorFrom: number
  readonly selectorTo: number
  readonly matchers: readonly Condition[]
  readonly stages: readonly Stage[]
  /** Where the pipeline ends; a range or a closing parenthesis may follow. */
  readonly end: number
}

const isParser = (word: string): boolean => parsers.some((parser) => parser === word)

function conditionAt(tokens: readonly Token[], at: number): Condition | null {
  const [name, op, value] = tokens.slice(at, at + 3)
  if (name === undefined || op?.kind !== 'operator' || value?.kind !== 'string') return null
  if (name.kind !== 'name' && name.kind !== 'keyword') return null
  const text = unquote(value.text)
  return text === null ? null : { name: name.text, op: op.text, value: text, from: name.from, to: value.to }
}

/** All whole conditions among some tokens. */
export const conditionsIn = (tokens: readonly Token[]): Condition[] =>
  tokens.flatMap((_, index) => conditionAt(tokens, index) ?? [])

/** Where the pipeline that begins at a token ends: at a range, at a parenthesis it did not open, or with the text. */
function pipelineEnd(tokens: readonly Token[], from: number): number {
  let depth = 0
  for (const [i, { kind, text }] of tokens.entries()) {
    if (i < from) continue
    if (text === '[' && kind === 'open') return i
    if (kind === 'open') depth++
    else if (kind === 'close' && depth-- === 0) return i
  }
  return tokens.length
}

/** One stage from its tokens. */
function stageOf(part: readonly Token[]): Stage[] {
  const [first, second] = part
  const last = part.at(-1)
  if (first === undefined || last === undefined) return []
  const base = { from: first.from, to: last.to, condition: null, text: null }
  if (first.kind !== 'pipe') {
    const text = part.length === 2 && second?.kind === 'string' ? unquote(second.text) : null
    return [{ ...base, kind: 'filter', word: first.text, text }]
  }
  const word = second?.text ?? ''
  const condition = part.length === 4 ? conditionAt(part, 1) : null
  if (condition !== null) return [{ ...base, kind: 'condition', word, condition }]
  return [{ ...base, kind: isParser(word) ? 'parser' : 'other', word }]
}

function stagesOf(pipeline: readonly Token[]): Stage[] {
  const starts: number[] = []
  let depth = 0
  for (const [i, { kind, text }] of pipeline.entries()) {
    if (kind === 'open') depth++
    else if (kind === 'close') depth--
    else if (depth === 0) {
      // Behind a name `!=` and `!~` compare; elsewhere they filter lines.
      const compares = pipeline[i - 1]?.kind === 'name'
      if (kind === 'pipe' || kind === 'filter' || (/^![=~]$/.test(text) && !compares)) starts.push(i)
    }
  }
  return starts.flatMap((start, index) => stageOf(pipeline.slice(start, starts[index + 1])))
}

/** The first query for lines in a text; null if it has no whole selector. */
export function shapeOf(query: string): LogShape | null {
  const tokens = tokensOf(query).filter((token) => token.kind !== 'comment')
  const from = tokens.findIndex((token) => token.text === '{')
  const to = tokens.findIndex((token, index) => index > from && token.text === '}')
  const open = tokens[from]
  const close = tokens[to]
  if (open === undefined || close === undefined) return null
  const end = pipelineEnd(tokens, to + 1)
  return {
    selectorFrom: open.from,
    selectorTo: close.to,
    matchers: conditionsIn(tokens.slice(from + 1, to)),
    stages: stagesOf(tokens.slice(to + 1, end)),
    end: (tokens[end - 1] ?? close).to,
  }
}

/** Whether a text asks for numbers, not for lines. */
export function isMetric(query: string): boolean {
  const first = tokensOf(query).find((token) => token.kind !== 'comment')
  return first !== undefined && first.text !== '{'
}

/** The part of a text that asks for lines; of a metric query the one within. */
export function logQueryOf(query: string): string | null {
  const shape = shapeOf(query)
  return shape === null ? null : query.slice(shape.selectorFrom, shape.end)
}

export function selectorOf(query: string): string | null {
  const shape = shapeOf(query)
  return shape === null ? null : query.slice(shape.selectorFrom, shape.selectorTo)
}

/** Texts that lines must contain: what is worth marking in them. */
export function searchedTexts(query: string): string[] {
  const found = shapeOf(query)?.stages ?? []
  return found.flatMap((stage) => {
    if (stage.text === null || stage.text === '') return []
    if (stage.word === '|=') return [stage.text]
    // Of patterns only those that are plain words; the browser's own would read others differently.
    const plain = /^(?:\(\?i\))?([\w\s:/,=-]+)$/.exec(stage.text)
    return stage.word === '|~' && plain?.[1] !== undefined ? [plain[1]] : []
  })
}
