import { formatValue, type Unit } from '@/lib/units'
import styles from './Legend.module.css'
import type { ChartSeries } from './model'

interface LegendProps {
  readonly series: readonly ChartSeries[]
  readonly unit: Unit
  readonly hidden: ReadonlySet<string>
  readonly onToggle: (key: string, additive: boolean) => void
}

function lastKnown(values: readonly (number | null)[]): number | null {
  // A few steps back at most: an older value is not the present one.
  for (let i = values.length - 1; i >= 0 && i >= values.length - 4; i--) {
    const value = values[i] ?? null
    if (value !== null) return value
  }
  return null
}

/** One line of names and present values under a small chart. */
export function Legend({ series, unit, hidden, onToggle }: LegendProps) {
  return (
    <ul className={styles.legend}>
      {series.map((s) => (
        <li key={s.key}>
          <button
            type="button"
            aria-pressed={!hidden.has(s.key)}
            onClick={(event) => onToggle(s.key, event.ctrlKey || event.metaKey)}
          >
            <i style={{ background: s.color }} />
            <span>{s.label}</span>
            <b>{formatValue(lastKnown(s.values), unit)}</b>
          </button>
        </li>
      ))}
    </ul>
  )
}
