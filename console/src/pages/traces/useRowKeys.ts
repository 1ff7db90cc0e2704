import { useEffect, type RefObject } from 'react'
import { isTyping } from '@/lib/typing'

/** `j` and `k` walk through the rows of a table, `o` opens one, as Enter does. */
export function useRowKeys(within: RefObject<HTMLElement | null>): void {
  useEffect(() => {
    const listen = (event: KeyboardEvent) => {
      if (event.metaKey || event.ctrlKey || event.altKey || isTyping(event.target)) return
      if (document.querySelector('[role="dialog"]') !== null) return
      const rows = [...(within.current?.querySelectorAll<HTMLElement>('[role="row"][tabindex="0"]') ?? [])]
      rows.sort((a, b) => Number(a.ariaRowIndex) - Number(b.ariaRowIndex))
      const at = rows.findIndex((row) => row.contains(document.activeElement))
      if (event.key === 'o' && at >= 0) {
        rows[at]?.click()
      } else if (event.key === 'j' || event.key === 'k') {
        const next = at < 0 ? 0 : at + (event.key === 'j' ? 1 : -1)
        rows[Math.min(Math.max(next, 0), rows.length - 1)]?.focus()
      } else {
        return
      }
      event.preventDefault()
    }
    window.addEventListener('keydown', listen)
    return () => window.removeEventListener('keydown', listen)
  }, [within])
}
