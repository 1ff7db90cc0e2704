import { EditorState, type Extension } from '@codemirror/state'
import type { QueryClient } from '@tanstack/react-query'
import type { Span } from '@/api/logs'
import { tokenColors } from '@/components/editor/tokenColors'
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

const coloring = tokenColors('logql', colors, tokensOf)

/** LogQL in an editor: colours, and completion from what the server has in a range of time. */
export function logqlExtension(client: QueryClient, span: () => Span): Extension {
  const complete = logqlCompletion(client, span)
  const data = [{ autocomplete: complete, closeBrackets: { brackets: ['(', '[', '{', '"', '`'] } }]
  return [coloring, EditorState.languageData.of(() => data)]
}
