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
  hoverTooltip,
  keymap,
  type DecorationSet,
  type Tooltip,
} from '@codemirror/view'
import { tags } from '@lezer/highlight'
import { PromQLExtension } from '@prometheus-io/codemirror-promql'
import type { QueryClient } from '@tanstack/react-query'
import { completionStrategy, familyOf, functionsOf, metadataOfNames } from './promqlClient'

const highlight = HighlightStyle.define([
  { tag: tags.keyword, color: 'var(--wf-syntax-keyword)' },
  { tag: tags.operatorKeyword, color: 'var(--wf-syntax-keyword)' },
  { tag: tags.modifier, color: 'var(--wf-syntax-keyword)' },
  { tag: tags.function(tags.variableName), color: 'var(--wf-syntax-function)' },
  { tag: tags.labelName, color: 'var(--wf-syntax-label)' },
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

const wordPart = /[a-zA-Z0-9_:]/

function wordAt(text: string, at: number): { from: number; to: number } | null {
  let from = at
  let to = at
  while (from > 0 && wordPart.test(text[from - 1] ?? '')) from--
  while (to < text.length && wordPart.test(text[to] ?? '')) to++
  return from < to ? { from, to } : null
}

function helpBox(title: string, kind: string, body: string): HTMLElement {
  const box = document.createElement('div')
  box.className = 'wf-hover'
  const head = document.createElement('header')
  const name = document.createElement('b')
  name.textContent = title
  const tag = document.createElement('em')
  tag.textContent = kind
  head.append(name, tag)
  const text = document.createElement('p')
  text.textContent = body
  box.append(head, text)
  return box
}

/** What a metric measures, or what a function does, as the server describes it. */
function hoverHelp(client: QueryClient): Extension {
  return hoverTooltip(async (view, at): Promise<Tooltip | null> => {
    const text = view.state.doc.toString()
    const word = wordAt(text, at)
    if (word === null) return null
    const name = text.slice(word.from, word.to)
    const called = /^\s*(\(|by\b|without\b)/.test(text.slice(word.to))
    if (called) {
      const known = (await functionsOf(client)).find((f) => f.name === name)
      if (known === undefined) return null
      return {
        pos: word.from,
        end: word.to,
        create: () => ({ dom: helpBox(known.signature, 'ƒ', known.help) }),
      }
    }
    const metadata = await metadataOfNames(client, [name])
    const entry = (metadata[name] ?? metadata[familyOf(name)])?.[0]
    if (entry === undefined) return null
    return { pos: word.from, end: word.to, create: () => ({ dom: helpBox(name, entry.type, entry.help) }) }
  })
}

export interface EditorActions {
  readonly run: () => void
  readonly change: (text: string) => void
  readonly blur: () => void
}

export function editorExtensions(client: QueryClient, label: string, actions: EditorActions): Extension[] {
  const promql = new PromQLExtension().setComplete({ completeStrategy: completionStrategy(client) })
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
    keymap.of([{ key: 'Enter', run }]),
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
    hoverHelp(client),
    promql.asExtension(),
    EditorView.lineWrapping,
    EditorView.contentAttributes.of({ 'aria-label': label, spellcheck: 'false', autocapitalize: 'off' }),
    EditorView.updateListener.of((update) => {
      if (update.docChanged) actions.change(update.state.doc.toString())
    }),
    EditorView.domEventHandlers({
      blur: () => {
        actions.blur()
        return false
      },
    }),
  ]
}
