/** Where in a query the server found fault; both count from 1. */
export interface ErrorPosition {
  readonly line: number
  readonly column: number
}

/** Finds the position Prometheus puts before a parse error: `1:7: parse error: …`. */
export function errorPosition(message: string): ErrorPosition | null {
  const found = /(?:^|[\s"(])(\d{1,6}):(\d{1,6})(?=[:\s-])/.exec(message)
  return found === null ? null : { line: Number(found[1]), column: Number(found[2]) }
}

/** The message without the parts that only say which parameter it was. */
export function errorText(message: string): string {
  return message.replace(/^invalid parameter "query":\s*/, '').replace(/^(\d+:\d+:\s*)?parse error:\s*/, '')
}

/** The character offset of a position in the text, kept within it. */
export function offsetOf(text: string, { line, column }: ErrorPosition): number {
  const lines = text.split('\n')
  const before = lines.slice(0, line - 1).reduce((sum, l) => sum + l.length + 1, 0)
  return Math.min(before + column - 1, text.length)
}
