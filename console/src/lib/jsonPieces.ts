export type JsonKind = 'key' | 'string' | 'number' | 'word' | 'plain'

export interface JsonPiece {
  readonly kind: JsonKind
  readonly text: string
}

const token = /("(?:[^"\\]|\\.)*")(\s*:)?|(-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|\b(true|false|null)\b/g

/** Indented JSON in pieces for the eye; also of a text that was cut. */
export function jsonPieces(text: string): JsonPiece[] {
  const out: JsonPiece[] = []
  let at = 0
  for (const found of text.matchAll(token)) {
    const [whole, string, colon, number] = found
    if (found.index > at) out.push({ kind: 'plain', text: text.slice(at, found.index) })
    if (string !== undefined) {
      out.push({ kind: colon === undefined ? 'string' : 'key', text: string })
      if (colon !== undefined) out.push({ kind: 'plain', text: colon })
    } else out.push({ kind: number === undefined ? 'word' : 'number', text: whole })
    at = found.index + whole.length
  }
  if (at < text.length) out.push({ kind: 'plain', text: text.slice(at) })
  return out
}
