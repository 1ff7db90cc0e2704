import { useEffect, useRef } from 'react'
import type { Alert } from '@/lib/alerts'

interface AlertKeys {
  readonly alerts: readonly Alert[]
  readonly selected: string | null
  readonly onOpen: (alert: Alert) => void
  readonly onClose: () => void
  readonly onSilence: (alert: Alert) => void
  readonly onExplore: (alert: Alert) => void
}

const typing = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement &&
  (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName))

/** Listens to keys that belong to nobody else: not while one types, nor over a dialog. */
export function useScreenKeys(handle: (key: string) => boolean): void {
  const latest = useRef(handle)
  useEffect(() => {
    latest.current = handle
  })
  useEffect(() => {
    const listen = (event: KeyboardEvent) => {
      if (event.metaKey || event.ctrlKey || event.altKey || typing(event.target)) return
      if (document.querySelector('[role="dialog"]') !== null) return
      if (latest.current(event.key)) event.preventDefault()
    }
    window.addEventListener('keydown', listen)
    return () => window.removeEventListener('keydown', listen)
  }, [])
}

export function useAlertKeys({ alerts, selected, onOpen, onClose, onSilence, onExplore }: AlertKeys): void {
  useScreenKeys((key) => {
    const at = alerts.findIndex((alert) => alert.key === selected)
    const current = alerts[at]
    const step = (by: number) => {
      const next = alerts[at < 0 ? 0 : Math.min(Math.max(at + by, 0), alerts.length - 1)]
      if (next !== undefined) onOpen(next)
      return true
    }
    switch (key) {
      case 'j':
        return step(1)
      case 'k':
        return step(-1)
      case 'x':
      case 'Escape':
        if (selected === null) return false
        onClose()
        return true
      case 's':
        if (current !== undefined) onSilence(current)
        return current !== undefined
      case 'e':
        if (current !== undefined) onExplore(current)
        return current !== undefined
      default:
        return false
    }
  })
}
