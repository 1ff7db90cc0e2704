/**
 * How well `text` matches every word of `query`, lower is better; null when one is missing. A prefix beats the start
 * of a word (after `_`, `:` or a space), which beats the middle of one.
 */
export function matchCost(text: string, query: string): number | null {
  const haystack = text.toLowerCase()
  let cost = haystack.length / 1000
  for (const word of query.toLowerCase().split(/\s+/)) {
    if (word === '') continue
    const at = haystack.indexOf(word)
    if (at < 0) return null
    const boundary = at === 0 ? 0 : /[_:\s./-]/.test(haystack[at - 1] ?? '') ? 1 : 2
    cost += boundary + at / 100
  }
  return cost
}

export function rankMatches<T>(
  all: readonly T[],
  query: string,
  text: (item: T) => string,
  max: number,
): T[] {
  if (query.trim() === '') return all.slice(0, max)
  const scored: { item: T; cost: number }[] = []
  for (const item of all) {
    const cost = matchCost(text(item), query)
    if (cost !== null) scored.push({ item, cost })
  }
  scored.sort((a, b) => a.cost - b.cost)
  return scored.slice(0, max).map(({ item }) => item)
}
