import type { Extension } from '@codemirror/state'
import type { QueryClient } from '@tanstack/react-query'
import type { TraceRange } from '@/api/traces'
import { queryLanguage } from '@/components/editor/queryLanguage'
import { tokensOf } from '@/lib/traceql/tokens'
import { traceqlCompletion } from './traceqlCompletion'

const language = queryLanguage('traceql', tokensOf, ['(', '{', '"', '`'])

/** TraceQL in an editor, with completion from what the server has in a range of time. */
export const traceqlExtension = (client: QueryClient, range: () => TraceRange): Extension =>
  language(traceqlCompletion(client, range))
