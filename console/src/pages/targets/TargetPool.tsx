import { IconChevronDown, IconChevronRight } from '@tabler/icons-react'
import type { ActiveTarget } from '@/api/types'
import { LabelList } from '@/components/LabelList'
import { useMessages } from '@/i18n'
import { formatUptime } from '@/lib/ago'
import { formatSeconds } from '@/lib/units'
import { useNow } from '@/state/live'
import styles from './TargetsPage.module.css'

interface TargetPoolProps {
  readonly name: string
  readonly members: readonly ActiveTarget[]
  readonly open: boolean
  readonly onToggle: () => void
}

/** The targets of one job: its health at a glance, then each target. */
export function TargetPool({ name, members, open, onToggle }: TargetPoolProps) {
  const x = useMessages('targets').targets
  const up = members.filter((target) => target.health === 'up').length
  const down = members.filter((target) => target.health === 'down').length
  const Arrow = open ? IconChevronDown : IconChevronRight
  return (
    <section className={styles.pool}>
      <h2>
        <button type="button" className={styles.poolHead} aria-expanded={open} onClick={onToggle}>
          <Arrow size={16} aria-hidden />
          {name}
          <span className={styles.summary} data-bad={down > 0 || undefined}>
            {x.healthy(up, members.length)}
          </span>
          <span className={styles.health} aria-hidden>
            <i style={{ width: `${(up / members.length) * 100}%` }} />
            <i style={{ width: `${(down / members.length) * 100}%` }} />
          </span>
        </button>
      </h2>
      {open &&
        members.map((target) => (
          <TargetRow key={target.url + JSON.stringify(target.labels)} target={target} />
        ))}
    </section>
  )
}

function TargetRow({ target }: { readonly target: ActiveTarget }) {
  const t = useMessages('targets')
  const x = t.targets
  const now = useNow()
  const ago = target.lastScrape === null ? null : formatUptime((now - target.lastScrape) / 1000, t.locale)
  return (
    <div className={styles.target}>
      <span className={styles.state} data-health={target.health}>
        {x[target.health]}
      </span>
      <a className={styles.url} href={target.url} target="_blank" rel="noreferrer">
        {target.url}
      </a>
      <LabelList labels={target.labels} />
      <span className={styles.times}>
        <b>{ago === null ? t.common.never : t.common.ago(ago)}</b>
        {target.lastScrape !== null && ` · ${formatSeconds(target.durationSeconds)}`}
        {target.interval !== '' && ` · ${x.interval} ${target.interval}`}
      </span>
      {target.lastError !== '' && (
        <p className={styles.error} role="note">
          {target.lastError}
        </p>
      )}
      <details className={styles.discovered}>
        <summary>{x.showDiscovered}</summary>
        <LabelList labels={target.discovered} />
      </details>
    </div>
  )
}
