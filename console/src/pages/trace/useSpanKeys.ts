import { useEffect, useRef, type RefObject } from 'react'
import { isTyping } from '@/lib/typing'

export interface SpanKeys {
  readonly move: (by: number) => void
  readonly ends: (last: boolean) => void
  readonly inwards: () => void
  readonly outwards: () => void
  readonly open: () => void
  readonly close: () => void
  readonly match: (by: 1 | -1) => void
  readonly error: (by: 1 | -1) => void
  readonly path: () => void
  readonly fold: () => void
  readonly zoom: () => void
  readonly whole: () => void
}

/** Rows that a page of the list has, about. */
const pageRows = 20

/** The keys of the waterfall; arrows only where they do not belong to something else. */
export function useSpanKeys(within: RefObject<HTMLElement | null>, keys: SpanKeys): void {
  const handle = (event: KeyboardEvent): boolean => {
    if (event.metaKey || event.ctrlKey || event.altKey || isTyping(event.target)) return false
    if (document.querySelector('[role="dialog"], [role="menu"]') !== null) return false
    const actions: Readonly<Record<string, () => void>> = {
      j: () => keys.move(1),
      k: () => keys.move(-1),
      o: keys.open,
      x: keys.close,
      n: () => keys.match(1),
      N: () => keys.match(-1),
      e: () => keys.error(1),
      E: () => keys.error(-1),
      c: keys.path,
      a: keys.fold,
      z: keys.zoom,
      0: keys.whole,
      Escape: keys.close,
    }
    const arrows: Readonly<Record<string, () => void>> = {
      ArrowDown: () => keys.move(1),
      ArrowUp: () => keys.move(-1),
      PageDown: () => keys.move(pageRows),
      PageUp: () => keys.move(-pageRows),
      Home: () => keys.ends(false),
      End: () => keys.ends(true),
      ArrowRight: keys.inwards,
      ArrowLeft: keys.outwards,
      Enter: keys.open,
    }
    const { target } = event
    const free = target === document.body || (target instanceof Node && within.current === target)
    const main = target instanceof HTMLElement && target.tagName === 'MAIN'
    const action = actions[event.key] ?? (free || main ? arrows[event.key] : undefined)
    action?.()
    return action !== undefined
  }
  const latest = useRef(handle)
  useEffect(() => {
    latest.current = handle
  })
  useEffect(() => {
    const listen = (event: KeyboardEvent) => {
      if (!event.defaultPrevented && latest.current(event)) event.preventDefault()
    }
    window.addEventListener('keydown', listen)
    return () => window.removeEventListener('keydown', listen)
  }, [])
}
