import { useScreenKeys } from '@/components/useScreenKeys'
import type { Issue } from '@/api/errors'

interface InboxKeys {
  readonly issues: readonly Issue[]
  readonly current: string | null
  readonly onMove: (issue: Issue) => void
  readonly onOpen: (issue: Issue) => void
  readonly onMark: (issue: Issue, range: boolean) => void
  readonly onMarkAll: () => void
  readonly onClear: () => boolean
  readonly onResolve: () => void
  readonly onIgnore: () => void
  readonly onAssign: () => void
  readonly onMerge: () => void
}

/** `j` and `k` walk, `x` marks, `e`, `i`, `a` and `m` do something to what is marked, or to where one is. */
export function useInboxKeys(keys: InboxKeys): void {
  useScreenKeys((key, target) => {
    const { issues } = keys
    const at = issues.findIndex(({ id }) => id === keys.current)
    const current = issues[at]
    const step = (by: number) => {
      const next = issues[at < 0 ? 0 : Math.min(Math.max(at + by, 0), issues.length - 1)]
      if (next === undefined) return false
      // What was pressed last would take Enter for itself.
      if (document.activeElement instanceof HTMLElement) document.activeElement.blur()
      keys.onMove(next)
      return true
    }
    const withCurrent = (does: (issue: Issue) => void) => {
      if (current !== undefined) does(current)
      return current !== undefined
    }
    const done = (does: () => void) => {
      does()
      return true
    }
    switch (key) {
      case 'j':
        return step(1)
      case 'k':
        return step(-1)
      case 'Enter':
        // A button or a link under the hand has its own meaning.
        return target instanceof Element && target.closest('button, a, input') !== null
          ? false
          : withCurrent(keys.onOpen)
      case 'o':
        return withCurrent(keys.onOpen)
      case 'x':
        return withCurrent((issue) => keys.onMark(issue, false))
      case 'X':
        return withCurrent((issue) => keys.onMark(issue, true))
      case '*':
        return done(keys.onMarkAll)
      case 'Escape':
        return keys.onClear()
      case 'e':
        return done(keys.onResolve)
      case 'i':
        return done(keys.onIgnore)
      case 'a':
        return done(keys.onAssign)
      case 'm':
        return done(keys.onMerge)
      default:
        return false
    }
  })
}
