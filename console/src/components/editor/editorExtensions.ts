import {
  autocompletion,
  closeBrackets,
  closeBracketsKeymap,
  completionKeymap,
} from '@codemirror/autocomplete'
import { defaultKeymap, history, historyKeymap, insertNewlineAndIndent } from '@codemirror/commands'
import { bracketMatching, HighlightStyle, indentOnInput, syntaxHighlighting } from '@codemirror/language'
import { lintKeymap } from '@codemirror/lint'
import { Prec, StateEffect, StateField, type Extension } from '@codemirror/state'
import {
  Decoration,
  drawSelection,
  EditorView,
  highlightSpecialChars,
  keymap,
  type DecorationSet,
} from '@codemirror/view'
import { tags } from '@lezer/highlight'

const highlight = HighlightStyle.define([
  { tag: tags.keyword, color: 'var(--wf-syntax-keyword)' },
  { tag: tags.operatorKeyword, color: 'var(--wf-syntax-keyword)' },
  { tag: tags.modifier, color: 'var(--wf-syntax-keyword)' },
  { tag: tags.function(tags.variableName), color: 'var(--wf-syntax-function)' },
  { tag: tags.labelName, color: 'var(--wf-syntax-label)' },
  { tag: tags.definition(tags.propertyName), color: 'var(--wf-syntax-label)' },
  { tag: tags.string, color: 'var(--wf-syntax-string)' },
  { tag: tags.number, color: 'var(--wf-syntax-number)' },
  { tag: tags.operator, color: 'var(--wf-muted)' },
  { tag: tags.comment, color: 'var(--wf-muted)', fontStyle: 'italic' },
])

/** Puts a mark under the place the server complained about; null removes it. */
export const markError = StateEffect.define<{ from: number; to: number } | null>()

const errorMark = StateField.define<DecorationSet>({
  create: () => Decoration.none,
  update(marks, transaction) {
    let next = transaction.docChanged ? Decoration.none : marks
    for (const effect of transaction.effects) {
      if (!effect.is(markError)) continue
      next =
        effect.value === null || effect.value.from >= effect.value.to
          ? Decoration.none
          : Decoration.set([
              Decoration.mark({ class: 'wf-error-mark' }).range(effect.value.from, effect.value.to),
            ])
    }
    return next
  },
  provide: (field) => EditorView.decorations.from(field),
})

export interface EditorActions {
  readonly run: () => void
  readonly change: (text: string) => void
}

/** What every editor of the console does, whatever its language. In a document, unlike a query, Enter begins a line. */
export function editorExtensions(label: string, actions: EditorActions, document: boolean): Extension[] {
  const run = () => {
    actions.run()
    return true
  }
  return [
    // Above completion only for Shift and Ctrl: a plain Enter first accepts what completion offers.
    Prec.highest(
      keymap.of([
        { key: 'Shift-Enter', run: insertNewlineAndIndent },
        { key: 'Mod-Enter', run },
        {
          key: 'Escape',
          run: (view) => {
            if (view.dom.querySelector('.cm-tooltip-autocomplete') !== null) return false
            view.contentDOM.blur()
            return true
          },
        },
      ]),
    ),
    keymap.of(completionKeymap),
    ...(document ? [] : [keymap.of([{ key: 'Enter', run }])]),
    keymap.of([...closeBracketsKeymap, ...defaultKeymap, ...historyKeymap, ...lintKeymap]),
    history(),
    drawSelection(),
    highlightSpecialChars(),
    bracketMatching(),
    closeBrackets(),
    indentOnInput(),
    // The server answers within milliseconds, so there is nothing to wait for between a key and its list.
    autocompletion({ icons: true, maxRenderedOptions: 80, activateOnTypingDelay: 10 }),
    syntaxHighlighting(highlight),
    errorMark,
    EditorView.lineWrapping,
    EditorView.contentAttributes.of({ 'aria-label': label, spellcheck: 'false', autocapitalize: 'off' }),
    EditorView.updateListener.of((update) => {
      if (update.docChanged) actions.change(update.state.doc.toString())
    }),
  ]
}
