import { useState } from 'react'
import { useMessages } from '@/i18n'
import styles from './DataView.module.css'

/** Longer values are cut until someone wants to read them. */
const shortChars = 400

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const written = (value: unknown): string =>
  typeof value === 'string' ? value : JSON.stringify(value, null, 2)

interface ValueProps {
  readonly value: unknown
}

/** Anything that was sent, as text. */
export function ValueText({ value }: ValueProps) {
  const t = useMessages('issue').issue
  const [open, setOpen] = useState(false)
  const text = written(value)
  if (text.length <= shortChars) return <code className={styles.value}>{text}</code>
  return (
    <code className={styles.value}>
      {open ? text : `${text.slice(0, shortChars)}…`}{' '}
      <button type="button" onClick={() => setOpen(!open)}>
        {open ? t.less : t.more}
      </button>
    </code>
  )
}

interface PairsProps {
  readonly pairs: readonly (readonly [name: string, value: unknown])[]
}

/** Names and values below each other. */
export function Pairs({ pairs }: PairsProps) {
  return (
    <dl className={styles.pairs}>
      {pairs.map(([name, value], index) => (
        <div key={`${name}${index}`}>
          <dt>{name}</dt>
          <dd>
            <ValueText value={value} />
          </dd>
        </div>
      ))}
    </dl>
  )
}

/** An object by its names, anything else as it is. */
export function DataView({ value }: ValueProps) {
  return isRecord(value) ? <Pairs pairs={Object.entries(value)} /> : <ValueText value={value} />
}
