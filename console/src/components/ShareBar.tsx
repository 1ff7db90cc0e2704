import styles from './ShareBar.module.css'

interface ShareBarProps {
  /** From 0 to 1; more is drawn as full. */
  readonly share: number
  readonly label: string
  readonly warn?: number
  readonly bad?: number
  readonly thin?: boolean
}

/** How full something is. */
export function ShareBar({ share, label, warn = 2, bad = 2, thin = false }: ShareBarProps) {
  const percent = Math.min(Math.max(share * 100, 0), 100)
  const tone = share >= bad ? 'bad' : share >= warn ? 'warn' : 'calm'
  return (
    <div
      className={styles.bar}
      role="meter"
      aria-label={label}
      aria-valuenow={Math.round(percent)}
      aria-valuemin={0}
      aria-valuemax={100}
      data-tone={tone}
      data-thin={thin || undefined}
    >
      <i style={{ width: `${percent}%` }} />
    </div>
  )
}
