import { useCallback, useState } from 'react'

/**
 * Which lines are hidden. A click shows one alone and a second click brings all back; with Ctrl it hides or shows just
 * that one.
 */
export function useIsolation(
  keys: readonly string[],
): [ReadonlySet<string>, (key: string, additive: boolean) => void] {
  const [hidden, setHidden] = useState<ReadonlySet<string>>(new Set())
  const toggle = useCallback(
    (key: string, additive: boolean) => {
      setHidden((old) => {
        if (additive) {
          const next = new Set(old)
          if (!next.delete(key)) next.add(key)
          return next.size >= keys.length ? new Set() : next
        }
        const alone = !old.has(key) && keys.every((other) => other === key || old.has(other))
        return alone || keys.length < 2 ? new Set() : new Set(keys.filter((other) => other !== key))
      })
    },
    [keys],
  )
  return [hidden, toggle]
}
