import { ApiError } from '../api/http'

/** Where in a query the server found fault; both count from 1. */
export interface ErrorPosition {
  readonly line: number
  readonly column: number
}

/** A mistake in the text of a query: its characters, the place as people count, and what might be right. */
export interface Mistake extends ErrorPosition {
  readonly from: number
  readonly to: number
  readonly help: string
}

/** Finds the position Prometheus puts before a parse error: `1:7: parse error: …`. */
export function errorPosition(message: string): ErrorPosition | null {
  const found = /(?:^|[\s"(])(\d{1,6}):(\d{1,6})(?=[:\s-])/.exec(message)
  return found === null ? null : { line: Number(found[1]), column: Number(found[2]) }
}

/** The message without the parts that only say which parameter it was. */
export function errorText(message: string): string {
  return message
    .replace(/^invalid parameter "(?:query|q)":\s*/, '')
    .replace(/^(\d+:\d+:\s*)?parse error:\s*/, '')
}

/** The character at which a byte of the text as UTF-8 stands. */
export function characterOf(text: string, byte: number): number {
  let bytes = 0
  let at = 0
  for (const c of text) {
    if (bytes >= byte) break
    const code = c.codePointAt(0) ?? 0
    bytes += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4
    at += c.length
  }
  return at
}

/** The character offset of a position in the text, kept within it. */
export function offsetOf(text: string, { line, column }: ErrorPosition): number {
  const lines = text.split('\n')
  const before = lines.slice(0, line - 1).reduce((sum, l) => sum + l.length + 1, 0)
  return Math.min(before + column - 1, text.length)
}

/** The mistake an error speaks of: as the server tells it, or as its message has it from servers that do not. */
export function mistakeIn(error: Error, text: string): Mistake | null {
  const told = error instanceof ApiError ? error.mistake : null
  if (told !== null) {
    const { start, end, line, column } = told.place
    const from = characterOf(text, start)
    return { from, to: Math.max(characterOf(text, end), from + 1), line, column, help: told.help }
  }
  const position = errorPosition(error.message)
  if (position === null) return null
  const from = offsetOf(text, position)
  const word = /^[a-zA-Z0-9_:.]+/.exec(text.slice(from))
  return { ...position, from, to: from + (word === null ? 1 : word[0].length), help: '' }
}
