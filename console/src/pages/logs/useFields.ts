import { useQuery } from '@tanstack/react-query'
import { useMemo } from 'react'
import { detectedFields, detectedLabels, type DetectedField } from '@/api/logs'
import { epochMs } from '@/lib/brand'
import type { LogLine } from '@/lib/logLine'
import type { Origin } from '@/lib/logql/edit'
import { selectorOf } from '@/lib/logql/shape'
import { encodeTimePoint, resolveRange } from '@/lib/time'
import { settledMs, useSlowBeat } from '@/state/live'
import { useTimeState } from '@/state/timeSearch'

export interface KnownField {
  readonly name: string
  readonly origin: Origin
  readonly type: string
  /** Different values, about; null where only loaded lines tell. */
  readonly distinct: number | null
}

/** Lines that are looked at for fields that only parsing gives. */
const sample = 500

function parsedNames(lines: readonly LogLine[]): string[] {
  const names = new Set<string>()
  for (const line of lines.slice(0, sample)) for (const name of Object.keys(line.parsed)) names.add(name)
  return [...names].sort()
}

const none: readonly DetectedField[] = []

/** The fields of the lines of a query: of their streams, sent along, and read from the text. */
export function useFields(query: string, lines: readonly LogLine[]): readonly KnownField[] {
  const { range, zone } = useTimeState()
  const rangeKey = `${encodeTimePoint(range.from)}..${encodeTimePoint(range.to)}@${zone}`
  const selector = selectorOf(query)
  const beat = useSlowBeat()
  const asked = useQuery({
    queryKey: ['logs', 'fields', selector, rangeKey],
    enabled: selector !== null,
    staleTime: settledMs,
    retry: false,
    queryFn: async ({ signal }) => {
      const span = resolveRange(range, epochMs(Date.now()), zone)
      const of = selector ?? ''
      const [labels, attributes] = await Promise.all([
        detectedLabels(of, span, signal),
        detectedFields(of, span, signal),
      ])
      return { labels, attributes }
    },
    refetchInterval: ({ state }) => beat(state.data?.labels.length === 0),
  })
  const parsed = useMemo(() => parsedNames(lines), [lines])
  const labels = asked.data?.labels ?? none
  const attributes = asked.data?.attributes ?? none
  return useMemo(() => {
    const known = (field: DetectedField, origin: Origin): KnownField => ({
      name: field.name,
      type: field.type,
      origin,
      distinct: field.cardinality,
    })
    const level: KnownField = { name: 'detected_level', origin: 'structured', type: 'string', distinct: null }
    const all = [
      ...labels.map((field) => known(field, 'stream')),
      ...(labels.length + attributes.length === 0 ? [] : [level]),
      ...attributes
        .filter((field) => field.name !== 'detected_level')
        .map((field) => known(field, 'structured')),
      ...parsed.map((name): KnownField => ({ name, origin: 'parsed', type: 'string', distinct: null })),
    ]
    const seen = new Set<string>()
    return all.filter(({ name }) => !seen.has(name) && seen.add(name))
  }, [labels, attributes, parsed])
}
