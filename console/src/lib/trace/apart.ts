import type { ComparedSpans } from '@/api/traceNumbers'

export interface ApartValue {
  readonly value: string
  readonly literal: string | null
  /** Shares of all spans of each group. */
  readonly selection: number
  readonly baseline: number
  readonly count: number
}

export interface ApartAttribute {
  readonly field: string
  /** From 0, the same in both groups, to 1, never the same. */
  readonly score: number
  readonly values: readonly ApartValue[]
  /** Values it has, where that is more than are told. */
  readonly distinct: number | null
}

export interface Apart {
  readonly selection: number
  readonly baseline: number
  readonly attributes: readonly ApartAttribute[]
}

interface Counts {
  readonly literal: string | null
  selection: number
  baseline: number
}

/**
 * The attributes by how different they are in the two groups: half the sum of the differences between the shares of
 * their values (total variation), a value that is not there being one of them. Values that are not told count as one.
 */
export function setApart({ values, totals, tooMany }: ComparedSpans): Apart {
  const size = (group: string) =>
    totals.reduce((most, total) => (total.group === group ? Math.max(most, total.count) : most), 0)
  const selection = size('selection')
  const baseline = size('baseline')
  const byField = new Map<
    string,
    Map<string, { literal: string | null; selection: number; baseline: number }>
  >()
  for (const { field, value, literal, group, count } of values) {
    let of = byField.get(field)
    if (of === undefined) byField.set(field, (of = new Map<string, Counts>()))
    let known = of.get(value)
    if (known === undefined) of.set(value, (known = { literal, selection: 0, baseline: 0 }))
    known[group] += count
  }
  const share = (count: number, of: number) => (of === 0 ? 0 : count / of)
  const withField = (field: string, group: string) =>
    totals.find((total) => total.field === field && total.group === group)?.count ?? 0
  const attributes = [...byField].map(([field, of]): ApartAttribute => {
    const told = [...of].map(([value, counts]): ApartValue => ({
      value,
      literal: counts.literal,
      selection: share(counts.selection, selection),
      baseline: share(counts.baseline, baseline),
      count: counts.selection,
    }))
    const sum = (pick: (value: ApartValue) => number) => told.reduce((total, value) => total + pick(value), 0)
    const without = [
      1 - share(withField(field, 'selection'), selection),
      1 - share(withField(field, 'baseline'), baseline),
    ] as const
    const rest = [1 - without[0] - sum((v) => v.selection), 1 - without[1] - sum((v) => v.baseline)] as const
    const apart = sum((v) => Math.abs(v.selection - v.baseline))
    const score = (apart + Math.abs(without[0] - without[1]) + Math.abs(rest[0] - rest[1])) / 2
    return {
      field,
      // Of values that hardly ever come twice, those that are told differ by chance.
      score: tooMany.has(field) ? Math.abs(without[0] - without[1]) : Math.min(score, 1),
      values: told.sort(
        (a, b) =>
          Math.abs(b.selection - b.baseline) - Math.abs(a.selection - a.baseline) || b.count - a.count,
      ),
      distinct: tooMany.get(field) ?? null,
    }
  })
  attributes.sort((a, b) => b.score - a.score || a.field.localeCompare(b.field))
  return { selection, baseline, attributes }
}
