import { IconChevronDown, IconChevronRight } from '@tabler/icons-react'
import { useState } from 'react'
import type { StackFrame } from '@/api/errorEvent'
import { useMessages } from '@/i18n'
import { lineOf, placeOf } from '@/lib/stack'
import { DataView } from './DataView'
import styles from './StackView.module.css'

interface FrameViewProps {
  readonly frame: StackFrame
  readonly openAtFirst: boolean
}

const hasVars = ({ vars }: StackFrame): boolean =>
  typeof vars === 'object' && vars !== null && Object.keys(vars).length > 0

/** Lines of source with their numbers. */
function Source({ frame }: { readonly frame: StackFrame }) {
  const first = frame.line - frame.before.length
  const lines = [...frame.before, frame.source, ...frame.after]
  return (
    <ol className={styles.source} start={first}>
      {lines.map((text, index) => (
        <li key={index} data-failed={index === frame.before.length || undefined} value={first + index}>
          <code>{text === '' ? ' ' : text}</code>
        </li>
      ))}
    </ol>
  )
}

/** A call: where, and if it was sent the source and the variables there. */
export function FrameView({ frame, openAtFirst }: FrameViewProps) {
  const t = useMessages('issue').issue
  const more = frame.source !== '' || hasVars(frame)
  const [open, setOpen] = useState(openAtFirst && more)
  const place = placeOf(frame)
  const Arrow = open ? IconChevronDown : IconChevronRight
  return (
    <li className={styles.frame} data-own={frame.inApp || undefined}>
      <button
        type="button"
        disabled={!more}
        aria-expanded={more ? open : undefined}
        onClick={() => setOpen(!open)}
        title={frame.path === '' ? undefined : frame.path}
      >
        {more ? <Arrow size={14} aria-hidden /> : <span className={styles.noArrow} />}
        <b>{frame.function === '' ? t.anonymous : frame.function}</b>
        <span className={styles.place}>
          {place}
          {lineOf(frame)}
        </span>
        {frame.module !== '' && frame.module !== place && (
          <span className={styles.module}>{frame.module}</span>
        )}
        {frame.inApp && <em>{t.own}</em>}
      </button>
      {open && (
        <div className={styles.inside}>
          {frame.source !== '' && <Source frame={frame} />}
          {hasVars(frame) && (
            <>
              <h5>{t.vars}</h5>
              <DataView value={frame.vars} />
            </>
          )}
        </div>
      )}
    </li>
  )
}
