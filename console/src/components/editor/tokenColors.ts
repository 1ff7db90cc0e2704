import { RangeSetBuilder, type Extension } from '@codemirror/state'
import {
  Decoration,
  ViewPlugin,
  type DecorationSet,
  type EditorView,
  type ViewUpdate,
} from '@codemirror/view'

interface ColoredToken {
  readonly kind: string
  readonly from: number
  readonly to: number
}

/** Colours the words of a language by their kind. Queries are short: all of a text is coloured at each change. */
export function tokenColors(
  language: string,
  colors: Readonly<Partial<Record<string, string>>>,
  tokensOf: (text: string) => readonly ColoredToken[],
): Extension {
  const marks = new Map(
    Object.entries(colors).map(([kind, color]) => [
      kind,
      Decoration.mark({ attributes: { style: `color: ${color ?? ''}` }, class: `wf-${language}-${kind}` }),
    ]),
  )
  const colored = (view: EditorView): DecorationSet => {
    const builder = new RangeSetBuilder<Decoration>()
    for (const { kind, from, to } of tokensOf(view.state.doc.toString())) {
      const mark = marks.get(kind)
      if (mark !== undefined) builder.add(from, to, mark)
    }
    return builder.finish()
  }
  return ViewPlugin.fromClass(
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
}
