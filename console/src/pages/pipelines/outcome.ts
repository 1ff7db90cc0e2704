import type { LineTrial } from '@/lib/pipelineTrial'

export type Outcome = 'kept' | 'redacted' | 'untouched' | 'dropped'

/** What became of a line, in one word. */
export function outcomeOf({ stages, result, secrets }: LineTrial): Outcome {
  if (result === null) return 'dropped'
  if (secrets.length > 0) return 'redacted'
  return stages.some(({ changes }) => changes.length > 0) ? 'kept' : 'untouched'
}

/** How many lines are kept in all, how many of them redacted or untouched, and how many are dropped. */
export function summarised(lines: readonly LineTrial[]): (readonly [Outcome, number])[] {
  const outcomes = lines.map(outcomeOf)
  const count = (wanted: Outcome) => outcomes.filter((outcome) => outcome === wanted).length
  const dropped = count('dropped')
  const all = [
    ['kept', lines.length - dropped],
    ['redacted', count('redacted')],
    ['untouched', count('untouched')],
    ['dropped', dropped],
  ] as const
  return all.filter(([outcome, n]) => n > 0 || (outcome === 'kept' && lines.length > 0))
}
