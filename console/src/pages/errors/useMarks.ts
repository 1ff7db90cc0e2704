import { useRef, useState } from 'react'
import type { Issue } from '@/api/errors'

export interface Marks {
  readonly marked: ReadonlySet<string>
  /** Marks one, or with `range` all from the one that was marked last. */
  readonly mark: (issue: Issue, range: boolean) => void
  readonly markAll: () => void
  readonly clear: () => void
  /** Takes these marks away, unless others were set since. */
  readonly done: (marked: ReadonlySet<string>) => void
}

/** Which issues of a list are marked for what is done to several. */
export function useMarks(issues: readonly Issue[]): Marks {
  const [marked, setMarked] = useState<ReadonlySet<string>>(new Set())
  const last = useRef<string | null>(null)
  const mark = (issue: Issue, range: boolean) => {
    const next = new Set(marked)
    const from = issues.findIndex(({ id }) => id === last.current)
    const to = issues.findIndex(({ id }) => id === issue.id)
    if (range && from >= 0 && to >= 0) {
      for (const { id } of issues.slice(Math.min(from, to), Math.max(from, to) + 1)) next.add(id)
    } else if (!next.delete(issue.id)) {
      next.add(issue.id)
    }
    last.current = issue.id
    setMarked(next)
  }
  return {
    marked,
    mark,
    markAll: () => setMarked(new Set(issues.map(({ id }) => id))),
    clear: () => setMarked(new Set()),
    done: (of) => setMarked((now) => (now === of ? new Set() : now)),
  }
}
