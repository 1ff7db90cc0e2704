/** A word of a query language. */
export interface Token<Kind extends string = string> {
  readonly kind: Kind
  readonly from: number
  readonly to: number
  readonly text: string
}

/** Matched at the place where the last token ended; the first that matches is the token. They are sticky. */
export type Shapes<Kind extends string> = readonly (readonly [Kind, RegExp])[]

/** A string that is not closed yet goes to the end of its line, or of the text between backticks. */
export const stringShape = /"(?:[^"\\\n]|\\[^])*"?|`[^`]*`?/y

/** How much of what follows tells what a word is. */
const aheadMax = 40

/** Takes any text apart, also a half-typed one; `kindOf` says what a word is by what follows it. */
export function scanner<Kind extends string>(
  shapes: Shapes<Kind>,
  kindOf: (kind: Kind, word: string, rest: string) => Kind,
): (text: string) => Token<Kind>[] {
  return (text) => {
    const out: Token<Kind>[] = []
    const space = /\s*/y
    let at = 0
    while (at < text.length) {
      space.lastIndex = at
      at += space.exec(text)?.[0].length ?? 0
      for (const [kind, shape] of shapes) {
        shape.lastIndex = at
        const found = shape.exec(text)?.[0]
        if (found === undefined || found === '') continue
        const to = at + found.length
        out.push({ kind: kindOf(kind, found, text.slice(to, to + aheadMax)), from: at, to, text: found })
        at = to
        break
      }
    }
    return out
  }
}
