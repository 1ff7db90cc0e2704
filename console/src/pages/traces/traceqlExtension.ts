import { EditorState, type Extension } from '@codemirror/state'
import type { QueryClient } from '@tanstack/react-query'
import type { TraceRange } from '@/api/traces'
import { tokenColors } from '@/components/editor/tokenColors'
import { tokensOf, type TokenKind } from '@/lib/traceql/tokens'
import { traceqlCompletion } from './traceqlCompletion'

const colors: Readonly<Partial<Record<TokenKind, string>>> = {
  keyword: 'var(--wf-syntax-keyword)',
  function: 'var(--wf-syntax-function)',
  name: 'var(--wf-syntax-label)',
  constant: 'var(--wf-syntax-number)',
  string: 'var(--wf-syntax-string)',
  number: 'var(--wf-syntax-number)',
  pipe: 'var(--wf-syntax-keyword)',
  operator: 'var(--wf-muted)',
  comment: 'var(--wf-muted)',
}

const coloring = tokenColors('traceql', colors, tokensOf)

/** TraceQL in an editor: colours, and completion from what the server has in a range of time. */
export function traceqlExtension(client: QueryClient, range: () => TraceRange): Extension {
  const complete = traceqlCompletion(client, range)
  const data = [{ autocomplete: complete, closeBrackets: { brackets: ['(', '{', '"', '`'] } }]
  return [coloring, EditorState.languageData.of(() => data)]
}
