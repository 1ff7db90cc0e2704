import { useSyncExternalStore } from 'react'

export interface Toast {
  readonly id: number
  readonly text: string
  readonly tone: 'good' | 'bad'
}

const shownMs = 4000
/** Older toasts give way, so that a burst cannot cover the screen. */
const toastsMax = 4

let toasts: readonly Toast[] = []
let nextId = 1
const listeners = new Set<() => void>()

function publish(next: readonly Toast[]): void {
  toasts = next
  for (const listener of listeners) listener()
}

export function dismiss(id: number): void {
  publish(toasts.filter((toast) => toast.id !== id))
}

export function say(text: string, tone: Toast['tone'] = 'good'): void {
  const id = nextId++
  publish([...toasts, { id, text, tone }].slice(-toastsMax))
  window.setTimeout(() => dismiss(id), shownMs)
}

export function useToasts(): readonly Toast[] {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    () => toasts,
  )
}
