import { useScreenKeys } from '@/components/useScreenKeys'
import type { Alert } from '@/lib/alerts'

interface AlertKeys {
  readonly alerts: readonly Alert[]
  readonly selected: string | null
  readonly onOpen: (alert: Alert) => void
  readonly onClose: () => void
  readonly onSilence: (alert: Alert) => void
  readonly onExplore: (alert: Alert) => void
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
