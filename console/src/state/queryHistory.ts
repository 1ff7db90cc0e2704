import { stored, type Stored } from './stored'

export interface HistoryEntry {
  readonly expr: string
  readonly at: number
}

/** Queries that were run, the latest first; one such list for each language. */
export interface QueryHistory {
  readonly entries: Stored<readonly HistoryEntry[]>
  readonly remember: (exprs: readonly string[]) => void
}

const entriesMax = 100

function queryHistory(key: string): QueryHistory {
  const entries = stored<readonly HistoryEntry[]>(key, (raw) =>
    Array.isArray(raw)
      ? raw.flatMap((entry: unknown): HistoryEntry[] => {
          if (typeof entry !== 'object' || entry === null) return []
          const { expr, at } = entry as { expr?: unknown; at?: unknown }
          return typeof expr === 'string' && typeof at === 'number' ? [{ expr, at }] : []
        })
      : [],
  )
  const remember = (exprs: readonly string[]) => {
    const fresh = exprs.filter((expr) => expr.trim() !== '')
    const old = entries.get().filter(({ expr }) => !fresh.includes(expr))
    entries.set([...fresh.map((expr) => ({ expr, at: Date.now() })), ...old].slice(0, entriesMax))
  }
  return { entries, remember }
}

export const promqlHistory = queryHistory('query-history')
export const logqlHistory = queryHistory('logql-history')
export const traceqlHistory = queryHistory('traceql-history')
