import type { CompletionSource } from '@codemirror/autocomplete'
import { EditorState, type Extension } from '@codemirror/state'
import type { Token } from '@/lib/tokens'
import { tokenColors } from './tokenColors'

/** The colours that languages of queries have in common. */
const colors = {
  keyword: 'var(--wf-syntax-keyword)',
  function: 'var(--wf-syntax-function)',
  name: 'var(--wf-syntax-label)',
  constant: 'var(--wf-syntax-number)',
  string: 'var(--wf-syntax-string)',
  number: 'var(--wf-syntax-number)',
  filter: 'var(--wf-syntax-keyword)',
  pipe: 'var(--wf-syntax-keyword)',
  operator: 'var(--wf-muted)',
  comment: 'var(--wf-muted)',
}

/** A language in an editor: colours, brackets that close themselves, and completion. */
export function queryLanguage(
  name: string,
  tokensOf: (text: string) => readonly Token[],
  brackets: readonly string[],
): (complete: CompletionSource) => Extension {
  const coloring = tokenColors(name, colors, tokensOf)
  return (complete) => {
    const data = [{ autocomplete: complete, closeBrackets: { brackets } }]
    return [coloring, EditorState.languageData.of(() => data)]
  }
}
