import { highlightCode, tagHighlighter, tags } from '@lezer/highlight'
import { parser } from '@prometheus-io/lezer-promql'

export interface CodePiece {
  readonly text: string
  /** `keyword`, `function`, `label`, `string`, `number`, `operator`, `comment`, or nothing. */
  readonly kind: string
}

const highlighter = tagHighlighter([
  { tag: [tags.keyword, tags.operatorKeyword, tags.modifier], class: 'keyword' },
  { tag: tags.function(tags.variableName), class: 'function' },
  { tag: tags.labelName, class: 'label' },
  { tag: tags.string, class: 'string' },
  { tag: tags.number, class: 'number' },
  { tag: tags.operator, class: 'operator' },
  { tag: tags.comment, class: 'comment' },
])

/** An expression in pieces of one colour each. */
export function promqlPieces(text: string): CodePiece[] {
  const pieces: CodePiece[] = []
  highlightCode(
    text,
    parser.parse(text),
    highlighter,
    (piece, kind) => pieces.push({ text: piece, kind }),
    () => pieces.push({ text: '\n', kind: '' }),
  )
  return pieces
}
