import { useEffect, useRef } from 'react'
import { isTyping } from '@/lib/typing'

/** Listens to keys that belong to nobody else: not while one types, nor over a dialog. */
export function useScreenKeys(handle: (key: string, target: EventTarget | null) => boolean): void {
  const latest = useRef(handle)
  useEffect(() => {
    latest.current = handle
  })
  useEffect(() => {
    const listen = (event: KeyboardEvent) => {
      if (event.metaKey || event.ctrlKey || event.altKey || isTyping(event.target)) return
      if (document.querySelector('[role="dialog"]') !== null) return
      if (latest.current(event.key, event.target)) event.preventDefault()
    }
    window.addEventListener('keydown', listen)
    return () => window.removeEventListener('keydown', listen)
  }, [])
}
