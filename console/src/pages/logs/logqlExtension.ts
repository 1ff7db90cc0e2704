import { EditorState, RangeSetBuilder, type Extension } from '@codemirror/state'
import {
  Decoration,
  ViewPlugin,
  type DecorationSet,
  type EditorView,
  type ViewUpdate,
} from '@codemirror/view'
import type { QueryClient } from '@tanstack/react-query'
import type { Span } from '@/api/logs'
import { tokensOf, type TokenKind } from '@/lib/logql/tokens'
import { logqlCompletion } from './logqlCompletion'

const colors: Readonly<Partial<Record<TokenKind, string>>> = {
  keyword: 'var(--wf-syntax-keyword)',
  function: 'var(--wf-syntax-function)',
  name: 'var(--wf-syntax-label)',
  string: 'var(--wf-syntax-string)',
  number: 'var(--wf-syntax-number)',
  filter: 'var(--wf-syntax-keyword)',
  pipe: 'var(--wf-syntax-keyword)',
  operator: 'var(--wf-muted)',
  comment: 'var(--wf-muted)',
}

const marks = new Map(
  Object.entries(colors).map(([kind, color]) => [
    kind,
    Decoration.mark({ attributes: { style: `color: ${color}` }, class: `wf-logql-${kind}` }),
  ]),
)

function colored(view: EditorView): DecorationSet {
  const builder = new RangeSetBuilder<Decoration>()
  for (const { kind, from, to } of tokensOf(view.state.doc.toString())) {
    const mark = marks.get(kind)
    if (mark !== undefined) builder.add(from, to, mark)
  }
  return builder.finish()
}

/** Queries are short: all of a text is coloured at each change. */
const coloring = ViewPlugin.fromClass(
  class {
    decorations: DecorationSet
    constructor(view: EditorView) {
      this.decorations = colored(view)
    }
    update(update: ViewUpdate) {
      if (update.docChanged) this.decorations = colored(update.view)
    }
  },
  { decorations: (plugin) => plugin.decorations },
)

/** LogQL in an editor: colours, and completion from what the server has in a range of time. */
export function logqlExtension(client: QueryClient, span: () => Span): Extension {
  const complete = logqlCompletion(client, span)
  const data = [{ autocomplete: complete, closeBrackets: { brackets: ['(', '[', '{', '"', '`'] } }]
  return [coloring, EditorState.languageData.of(() => data)]
}
