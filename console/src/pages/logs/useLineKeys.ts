import { useEffect, useRef } from 'react'
import type { LogLine } from '@/lib/logLine'

interface LineKeys {
  readonly lines: readonly LogLine[]
  readonly selected: string | null
  readonly onSelect: (id: string) => void
  readonly onToggle: (id: string) => void
  readonly onContext: (id: string) => void
  readonly onView: () => void
  readonly onFields: () => void
  readonly onTail?: () => void
}

const typing = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement &&
  (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName))

/** The keys of the screen; the frame's own come on top. */
export function useLineKeys(keys: LineKeys): void {
  const handle = (event: KeyboardEvent): boolean => {
    if (event.metaKey || event.ctrlKey || event.altKey || typing(event.target)) return false
    if (document.querySelector('[role="dialog"]') !== null) return false
    const { lines, selected } = keys
    const at = lines.findIndex(({ id }) => id === selected)
    const step = (by: number) => {
      const next = lines[at < 0 ? 0 : Math.min(Math.max(at + by, 0), lines.length - 1)]
      if (next !== undefined) keys.onSelect(next.id)
      return true
    }
    switch (event.key) {
      case 'j':
        return step(1)
      case 'k':
        return step(-1)
      case 'o':
        if (selected !== null) keys.onToggle(selected)
        return true
      case 'c':
        if (selected !== null) keys.onContext(selected)
        return true
      case 'w':
        keys.onView()
        return true
      case 'f':
        keys.onFields()
        return true
      case 'p':
        keys.onTail?.()
        return keys.onTail !== undefined
      default:
        return false
    }
  }
  const latest = useRef(handle)
  useEffect(() => {
    latest.current = handle
  })
  useEffect(() => {
    const listen = (event: KeyboardEvent) => {
      if (latest.current(event)) event.preventDefault()
    }
    window.addEventListener('keydown', listen)
    return () => window.removeEventListener('keydown', listen)
  }, [])
}
