import { useSyncExternalStore } from 'react'
import { stored } from './stored'

export interface PipelineDraft {
  readonly text: string
  /** The pipeline in force it was begun from. */
  readonly of: string | null
}

function readDraft(raw: unknown): PipelineDraft | null {
  if (typeof raw !== 'object' || raw === null || !('text' in raw) || typeof raw.text !== 'string') return null
  return { text: raw.text, of: 'of' in raw && typeof raw.of === 'string' ? raw.of : null }
}

/** What was written last, kept by the browser; null before anything was. */
export const pipelineDraft = stored<PipelineDraft | null>('pipeline-draft', readDraft)

/** What a pipeline is tried on. */
export interface Sample {
  readonly text: string
  /** Labels of the stream, as people write them. */
  readonly labels: string
}

let sample: Sample | null = null
const listeners = new Set<() => void>()

function subscribe(listener: () => void): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

/** Lines may hold secrets: they are kept as long as the page lives, and never stored nor put into an address. */
export const pipelineSample = {
  set: (next: Sample): void => {
    sample = next
    for (const listener of listeners) listener()
  },
  use: (): Sample | null => useSyncExternalStore(subscribe, () => sample),
}
