import {
  cloneElement,
  useEffect,
  useId,
  useLayoutEffect,
  useRef,
  useState,
  type HTMLAttributes,
  type ReactElement,
  type ReactNode,
} from 'react'
import { createPortal } from 'react-dom'
import styles from './Tooltip.module.css'

/** A pointer that only passes by asks for nothing. */
const waitMs = 350
const gapPx = 6
const edgePx = 4

type Side = 'top' | 'left' | 'right'

interface TooltipProps extends HTMLAttributes<HTMLElement> {
  readonly label: ReactNode
  readonly children: ReactElement<HTMLAttributes<HTMLElement>>
  readonly position?: Side
  readonly disabled?: boolean
  /** Lines break at this many pixels. */
  readonly maw?: number
}

/**
 * Says what its child does, while the pointer or the keyboard is on it. It stays within the window, on the other side
 * where there is no room. Unlike a library's it is small: every visit has it.
 */
export function Tooltip({ label, children, position = 'top', disabled, maw, ...passed }: TooltipProps) {
  const [target, setTarget] = useState<HTMLElement | null>(null)
  const timer = useRef<number>(undefined)
  const id = useId()
  useEffect(() => () => window.clearTimeout(timer.current), [])

  const show = (of: HTMLElement) => {
    window.clearTimeout(timer.current)
    timer.current = window.setTimeout(() => setTarget(of), waitMs)
  }
  const hide = () => {
    window.clearTimeout(timer.current)
    setTarget(null)
  }
  const own = children.props
  const child = cloneElement(children, {
    ...passed,
    ...(target === null ? {} : { 'aria-describedby': id }),
    onPointerEnter: (event) => {
      own.onPointerEnter?.(event)
      passed.onPointerEnter?.(event)
      show(event.currentTarget)
    },
    onPointerLeave: (event) => {
      own.onPointerLeave?.(event)
      passed.onPointerLeave?.(event)
      hide()
    },
    onPointerDown: (event) => {
      own.onPointerDown?.(event)
      passed.onPointerDown?.(event)
      if (event.pointerType === 'mouse') hide()
    },
    onFocus: (event) => {
      own.onFocus?.(event)
      passed.onFocus?.(event)
      // A finger that touches what does nothing by itself asks what it means.
      const asks = event.currentTarget.matches(':focus-visible, :not(button, a)')
      if (asks) show(event.currentTarget)
    },
    onBlur: (event) => {
      own.onBlur?.(event)
      passed.onBlur?.(event)
      hide()
    },
  })
  return (
    <>
      {child}
      {target !== null && disabled !== true && (
        <Tip id={id} target={target} position={position} maw={maw} onGone={hide}>
          {label}
        </Tip>
      )}
    </>
  )
}

interface TipProps {
  readonly id: string
  readonly target: HTMLElement
  readonly position: Side
  readonly maw: number | undefined
  readonly onGone: () => void
  readonly children: ReactNode
}

function Tip({ id, target, position, maw, onGone, children }: TipProps) {
  const box = useRef<HTMLDivElement>(null)
  useLayoutEffect(() => {
    const tip = box.current
    if (tip === null) return
    const at = target.getBoundingClientRect()
    const { width, height } = tip.getBoundingClientRect()
    const above = at.top - gapPx - height
    const middle = at.top + (at.height - height) / 2
    const [left, top] =
      position === 'right'
        ? [at.right + gapPx, middle]
        : position === 'left'
          ? [at.left - gapPx - width, middle]
          : [at.left + (at.width - width) / 2, above < edgePx ? at.bottom + gapPx : above]
    const within = (value: number, size: number, room: number) =>
      Math.max(edgePx, Math.min(value, room - size - edgePx))
    tip.style.left = `${within(left, width, document.documentElement.clientWidth)}px`
    tip.style.top = `${within(top, height, window.innerHeight)}px`
  })
  useEffect(() => {
    // What scrolls or is left by Escape takes its words with it.
    const onKey = (event: KeyboardEvent) => event.key === 'Escape' && onGone()
    window.addEventListener('scroll', onGone, { capture: true, passive: true })
    window.addEventListener('keydown', onKey)
    return () => {
      window.removeEventListener('scroll', onGone, { capture: true })
      window.removeEventListener('keydown', onKey)
    }
  }, [onGone])
  return createPortal(
    <div
      ref={box}
      id={id}
      role="tooltip"
      className={styles.tip}
      data-multiline={maw !== undefined || undefined}
      style={{ maxWidth: maw }}
    >
      {children}
    </div>,
    document.body,
  )
}
