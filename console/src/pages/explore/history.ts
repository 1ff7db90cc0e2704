import { stored } from '@/state/stored'

export interface HistoryEntry {
  readonly expr: string
  readonly at: number
}

const entriesMax = 100

export const history = stored<readonly HistoryEntry[]>('query-history', (raw) =>
  Array.isArray(raw)
    ? raw.flatMap((entry: unknown): HistoryEntry[] => {
        if (typeof entry !== 'object' || entry === null) return []
        const { expr, at } = entry as { expr?: unknown; at?: unknown }
        return typeof expr === 'string' && typeof at === 'number' ? [{ expr, at }] : []
      })
    : [],
)

export function remember(exprs: readonly string[]): void {
  const fresh = exprs.filter((expr) => expr.trim() !== '')
  const old = history.get().filter(({ expr }) => !fresh.includes(expr))
  history.set([...fresh.map((expr) => ({ expr, at: Date.now() })), ...old].slice(0, entriesMax))
}
