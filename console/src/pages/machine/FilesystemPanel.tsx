import { Skeleton } from '@mantine/core'
import { Panel } from '@/components/chart/Panel'
import { ShareBar } from '@/components/ShareBar'
import { useMessages } from '@/i18n'
import { formatValue } from '@/lib/units'
import type { LiveFrame } from '@/state/live'
import { filesystems } from './derive'
import styles from './FilesystemPanel.module.css'

interface FilesystemPanelProps {
  readonly live: LiveFrame | undefined
  readonly expr: string
}

export function FilesystemPanel({ live, expr }: FilesystemPanelProps) {
  const t = useMessages('machine')
  const rows = live === undefined ? [] : filesystems(live.frame)
  return (
    <Panel title={t.machine.filesystems} exprs={[expr]}>
      {live === undefined && <Skeleton height={160} radius="sm" />}
      <ul className={styles.list}>
        {rows.map((fs) => (
          <li key={`${fs.device} ${fs.mount}`}>
            <div className={styles.line}>
              <b className="clip" title={`${fs.device} · ${fs.kind}`}>
                {fs.mount}
              </b>
              <span className="muted">{fs.kind}</span>
              <span className={styles.numbers}>
                {t.machine.free(formatValue(fs.available, 'bytes'))}{' '}
                {t.common.of(formatValue(fs.size, 'bytes'))}
              </span>
              <b className={styles.share}>{formatValue(fs.usedShare, 'ratio')}</b>
            </div>
            <ShareBar share={fs.usedShare} label={fs.mount} warn={0.85} bad={0.95} />
          </li>
        ))}
      </ul>
      {live !== undefined && rows.length === 0 && <p className="muted">{t.common.noData}</p>}
    </Panel>
  )
}
