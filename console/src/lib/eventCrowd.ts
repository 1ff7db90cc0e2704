/** Of one kind more marks than this would hide the chart, and all other kinds. */
export const marksPerKind = 40

/** How often each kind comes. */
export function countKinds(events: readonly { readonly kind: string }[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (const { kind } of events) counts[kind] = (counts[kind] ?? 0) + 1
  return counts
}

/** Kinds that come too often to be marked, the most frequent first, and those that do not. */
export function crowds(counts: Readonly<Record<string, number>>): {
  readonly frequent: readonly (readonly [string, number])[]
  readonly rare: readonly string[]
} {
  const all = Object.entries(counts).sort(([, a], [, b]) => b - a)
  return {
    frequent: all.filter(([, count]) => count > marksPerKind),
    rare: all.filter(([kind, count]) => count <= marksPerKind && kind !== '(other)').map(([kind]) => kind),
  }
}
