import { useRef, useState } from 'react'

/**
 * A control with something below it, whose code comes when the pointer or the keyboard is on the control. `at` is
 * where the control is while that is open.
 */
export function useDropdown(kind: 'menu' | 'dialog', load: () => Promise<unknown>) {
  const [at, setAt] = useState<DOMRect | null>(null)
  const control = useRef<HTMLButtonElement>(null)
  // A press on the control is outside of what is open, which closes on it; the click that follows must not reopen it.
  const pressedOpen = useRef(false)
  const prepare = () => void load()
  return {
    at,
    close: () => {
      setAt(null)
      control.current?.focus({ preventScroll: true })
    },
    control: {
      ref: control,
      'aria-haspopup': kind,
      'aria-expanded': at !== null,
      onPointerEnter: prepare,
      onFocus: prepare,
      onPointerDown: () => {
        pressedOpen.current = at !== null
      },
      onClick: () => {
        setAt(pressedOpen.current ? null : (control.current?.getBoundingClientRect() ?? null))
        pressedOpen.current = false
      },
    },
  } as const
}
