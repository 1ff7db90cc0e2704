import { useMantineColorScheme } from '@mantine/core'
import { useNavigate } from '@tanstack/react-router'
import { useEffect, useLayoutEffect, useRef } from 'react'
import { isTyping } from '@/lib/typing'
import { useRefreshNow } from '@/state/live'
import { useTimeShift } from '@/state/timeShift'
import { screens } from './screens'

interface ShortcutActions {
  /** The hand is on the way to the palette: what is typed next must not arrive before it. */
  readonly preparePalette: () => void
  readonly openPalette: () => void
  readonly openHelp: () => void
  readonly toggleNav: () => void
}

/** Time to press the second key of `g` then a letter. */
const chordMs = 1200

/** Moves the focus to what a screen calls its main input. */
function focusMain(): boolean {
  const found = document.querySelector<HTMLElement>('[data-main-input] .cm-content, input[data-main-input]')
  found?.focus()
  return found !== null
}

export function useShortcuts(actions: ShortcutActions): void {
  const navigate = useNavigate()
  const { toggleColorScheme } = useMantineColorScheme()
  const shift = useTimeShift()
  const refresh = useRefreshNow()
  const chordAt = useRef(-Infinity)

  const handle = (event: KeyboardEvent): boolean => {
    if (event.key === 'Control' || event.key === 'Meta') actions.preparePalette()
    if ((event.metaKey || event.ctrlKey) && event.key.toLowerCase() === 'k') {
      actions.openPalette()
      return true
    }
    if (event.metaKey || event.ctrlKey || event.altKey || isTyping(event.target)) return false
    if (document.querySelector('[role="dialog"]') !== null) return false
    switch (event.key) {
      case 'g':
        chordAt.current = event.timeStamp
        return true
      case '?':
        actions.openHelp()
        return true
      case '/':
        return focusMain()
      case 'd':
        toggleColorScheme()
        return true
      case 'r':
        refresh()
        return true
      case '[':
        shift.back()
        return true
      case ']':
        shift.forward()
        return true
      case '-':
        shift.zoomOut()
        return true
      case '\\':
        actions.toggleNav()
        return true
      default:
        return false
    }
  }

  /** The second key of a chord, which the screen's own keys must not see. */
  const complete = (event: KeyboardEvent): boolean => {
    if (event.timeStamp - chordAt.current >= chordMs || isTyping(event.target)) return false
    if (event.metaKey || event.ctrlKey || event.altKey) return false
    chordAt.current = -Infinity
    const screen = screens.find(({ key }) => key === event.key)
    if (screen !== undefined) void navigate({ to: screen.to })
    return screen !== undefined
  }

  const latest = useRef({ handle, complete })
  useEffect(() => {
    latest.current = { handle, complete }
  })
  // Before anything is painted: who sees the screen can press its keys.
  useLayoutEffect(() => {
    const first = (event: KeyboardEvent) => {
      if (!latest.current.complete(event)) return
      event.preventDefault()
      event.stopImmediatePropagation()
    }
    const listen = (event: KeyboardEvent) => {
      if (latest.current.handle(event)) event.preventDefault()
    }
    window.addEventListener('keydown', first, { capture: true })
    window.addEventListener('keydown', listen)
    return () => {
      window.removeEventListener('keydown', first, { capture: true })
      window.removeEventListener('keydown', listen)
    }
  }, [])
}
