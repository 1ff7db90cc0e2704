import { useEffect, useRef } from 'react'
import type { ServerEvent } from '@/api/events'
import { isTyping } from '@/lib/typing'

/** `j` and `k` open the next and the previous event, `x` closes it. */
export function useEventKeys(
  events: readonly ServerEvent[],
  open: string | undefined,
  pick: (key: string | undefined) => void,
): void {
  const latest = useRef({ events, open, pick })
  useEffect(() => {
    latest.current = { events, open, pick }
  })
  useEffect(() => {
    const listen = (pressed: KeyboardEvent) => {
      if (pressed.metaKey || pressed.ctrlKey || pressed.altKey || isTyping(pressed.target)) return
      if (document.querySelector('[role="dialog"]') !== null) return
      const { events: all, open: now, pick: choose } = latest.current
      if (pressed.key === 'x' && now !== undefined) {
        choose(undefined)
      } else if (pressed.key === 'j' || pressed.key === 'k') {
        const at = all.findIndex(({ key }) => key === now)
        const next = at < 0 ? 0 : at + (pressed.key === 'j' ? 1 : -1)
        const event = all[Math.min(Math.max(next, 0), all.length - 1)]
        if (event !== undefined) choose(event.key)
      } else {
        return
      }
      pressed.preventDefault()
    }
    window.addEventListener('keydown', listen)
    return () => window.removeEventListener('keydown', listen)
  }, [])
}
