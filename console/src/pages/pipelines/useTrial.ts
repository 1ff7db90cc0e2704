import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { useEffect, useMemo, useState } from 'react'
import { tryPipeline, type TriedLine } from '@/api/pipelines'
import type { Labels } from '@/api/types'
import { labelsIn, linesIn } from '@/lib/pipelineSample'
import {
  derivedBy,
  replacementsIn,
  sentNames,
  trialOf,
  type DerivedMetric,
  type LineTrial,
} from '@/lib/pipelineTrial'
import { pipelineIn, trialText } from '@/lib/pipelineYaml'
import type { YamlNode } from '@/lib/yamlTree'

/** Lines of a sample that are tried: at each key, so not more than are answered at once. */
export const linesMax = 200

interface Tried {
  readonly lines: readonly TriedLine[]
  readonly text: string
  readonly labels: Labels
  readonly nowMs: number
}

export interface Trial {
  readonly lines: readonly LineTrial[]
  readonly metrics: readonly DerivedMetric[]
  /** The pipeline the results are of, and its text. */
  readonly pipeline: YamlNode | null
  readonly text: string
}

export interface TrialState {
  readonly trial: Trial | null
  readonly error: Error | null
  readonly running: boolean
  /** Lines beyond those that are tried. */
  readonly more: boolean
}

/** Stages that may change the time of a record. */
const timeStages = new Set(['timestamp', 'detect', 'if'])

/**
 * The moment of a trial, which records without a time of their own have. An empty line goes ahead of the sample to
 * tell; if that was dropped, a record before any stage found its time does.
 */
function momentOf([empty, ...lines]: readonly TriedLine[]): number {
  if (empty?.result != null) return empty.result.timeMs
  for (const { steps } of lines) {
    const first = steps.find(({ record }) => record !== null)
    if (first?.record != null && !timeStages.has(first.stage)) return first.record.timeMs
  }
  return Date.now()
}

/** What a pipeline makes of a sample; asked whenever one of them changed. */
export function useTrial(text: string, sample: string, labels: string): TrialState {
  const all = useMemo(() => linesIn(sample), [sample])
  const lines = useMemo(() => all.slice(0, linesMax), [all])
  const asked = useQuery({
    queryKey: ['pipeline-trial', text, labels, lines],
    enabled: text.trim() !== '',
    placeholderData: keepPreviousData,
    structuralSharing: false,
    retry: false,
    staleTime: Infinity,
    gcTime: 5000,
    queryFn: async ({ signal }): Promise<Tried> => {
      const given = sentNames(labelsIn(labels), pipelineIn(text))
      const tried = await tryPipeline({ yaml: trialText(text), labels: given, lines: ['', ...lines] }, signal)
      return { lines: tried.slice(1), text, labels: given, nowMs: momentOf(tried) }
    },
  })
  // A mistake does not take away what one was looking at.
  const [good, setGood] = useState<Tried | null>(null)
  useEffect(() => {
    if (asked.data !== undefined) setGood(asked.data)
  }, [asked.data])
  const shown = asked.data ?? good
  const trial = useMemo((): Trial | null => {
    if (shown === null) return null
    const pipeline = pipelineIn(shown.text)
    const words = replacementsIn(pipeline)
    return {
      lines: shown.lines.map((line) => trialOf(line, shown.nowMs, words)),
      metrics: derivedBy(pipeline, shown.lines, shown.labels),
      pipeline,
      text: shown.text,
    }
  }, [shown])
  return {
    trial: text.trim() === '' ? null : trial,
    error: text.trim() === '' ? null : asked.error,
    running: asked.isFetching,
    more: all.length > linesMax,
  }
}
