import { useSyncExternalStore } from 'react'

/**
 * Preferences of this browser. What a link should carry lives in the address instead; storage may be forbidden, then
 * a preference lasts as long as the page.
 */
export interface Stored<T> {
  readonly get: () => T
  readonly set: (value: T) => void
  readonly use: () => T
}

export function stored<T>(key: string, read: (raw: unknown) => T): Stored<T> {
  const name = `watchfire.${key}`
  const listeners = new Set<() => void>()
  let value = read(load(name))
  const get = () => value
  const subscribe = (listener: () => void) => {
    listeners.add(listener)
    return () => listeners.delete(listener)
  }
  return {
    get,
    set: (next) => {
      value = next
      save(name, next)
      for (const listener of listeners) listener()
    },
    use: () => useSyncExternalStore(subscribe, get),
  }
}

function load(name: string): unknown {
  try {
    const raw = localStorage.getItem(name)
    return raw === null ? undefined : JSON.parse(raw)
  } catch {
    return undefined
  }
}

function save(name: string, value: unknown): void {
  try {
    localStorage.setItem(name, JSON.stringify(value))
  } catch {
    // A full or forbidden storage only costs the preference its memory.
  }
}
