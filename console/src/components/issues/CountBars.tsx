import { memo } from 'react'
import styles from './CountBars.module.css'

interface CountBarsProps {
  readonly counts: readonly number[]
  readonly label: string
  readonly color?: string
}

const height = 30

/** Counts over time in the space of a word. */
export const CountBars = memo(function CountBars({ counts, label, color }: CountBarsProps) {
  const most = Math.max(...counts, 1)
  const path = counts
    .map((count, at) => {
      if (count === 0) return ''
      // What happened at all is seen.
      const tall = Math.max((count / most) * (height - 1), 2)
      return `M${at + 0.08} ${height}V${(height - tall).toFixed(2)}H${at + 0.92}V${height}Z`
    })
    .join('')
  return (
    <svg
      className={styles.bars}
      viewBox={`0 0 ${counts.length} ${height}`}
      preserveAspectRatio="none"
      role="img"
      aria-label={label}
    >
      <path d={path} fill={color ?? 'var(--wf-accent)'} />
    </svg>
  )
})
