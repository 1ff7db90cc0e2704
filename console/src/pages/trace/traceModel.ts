import { useMemo } from 'react'
import type { TraceDocument } from '@/api/traceDocument'
import { criticalPath, partsBySpan, type PathPart } from '@/lib/trace/criticalPath'
import { arrange, type Tree } from '@/lib/trace/tree'

export interface TraceModel {
  readonly document: TraceDocument
  readonly tree: Tree
  readonly path: readonly PathPart[]
  readonly pathOf: ReadonlyMap<number, readonly PathPart[]>
  readonly placeOf: ReadonlyMap<string, number>
  /** Places of the spans that failed. */
  readonly errors: readonly number[]
}

export function useTraceModel(document: TraceDocument | undefined): TraceModel | null {
  return useMemo(() => {
    if (document === undefined) return null
    const tree = arrange(document.spans)
    const path = criticalPath(tree)
    const placeOf = new Map(tree.spans.map((span, at) => [span.id, at]))
    const errors = tree.spans.flatMap(({ status }, at) => (status === 'error' ? [at] : []))
    return { document, tree, path, pathOf: partsBySpan(path), placeOf, errors }
  }, [document])
}
