import { Link } from '@tanstack/react-router'
import type { NamedCount } from '@/api/types'
import { useMessages } from '@/i18n'
import { formatValue, type Unit } from '@/lib/units'
import styles from './StatusPage.module.css'

interface RankedProps {
  readonly rows: readonly NamedCount[]
  readonly unit: Unit
  readonly suffix?: string
  readonly onPick?: (name: string) => void
  /** The query a row leads to in Explore. */
  readonly link?: (name: string) => string
}

/** Names with counts, the largest first, each with a bar behind it. */
export function Ranked({ rows, unit, suffix, onPick, link }: RankedProps) {
  const t = useMessages()
  const most = rows.reduce((max, row) => Math.max(max, row.value), 1)
  if (rows.length === 0) return <p className="muted">{t.common.none}</p>
  return (
    <ol className={styles.ranked}>
      {rows.map((row) => {
        const body = (
          <>
            <i style={{ width: `${(row.value / most) * 100}%` }} />
            <code className="mono clip">{row.name === '' ? '""' : row.name}</code>
            <b>
              {unit === 'short' ? row.value.toLocaleString('en-US') : formatValue(row.value, unit)} {suffix}
            </b>
          </>
        )
        return (
          <li key={row.name}>
            {onPick !== undefined ? (
              <button type="button" onClick={() => onPick(row.name)}>
                {body}
              </button>
            ) : link !== undefined ? (
              <Link to="/explore" search={{ q: [link(row.name)] }}>
                {body}
              </Link>
            ) : (
              <div>{body}</div>
            )}
          </li>
        )
      })}
    </ol>
  )
}
