import type { Extension } from '@codemirror/state'
import type { QueryClient } from '@tanstack/react-query'
import type { Span } from '@/api/logs'
import { queryLanguage } from '@/components/editor/queryLanguage'
import { tokensOf } from '@/lib/logql/tokens'
import { logqlCompletion } from './logqlCompletion'

const language = queryLanguage('logql', tokensOf, ['(', '[', '{', '"', '`'])

/** LogQL in an editor, with completion from what the server has in a range of time. */
export const logqlExtension = (client: QueryClient, span: () => Span): Extension =>
  language(logqlCompletion(client, span))
