import { useMemo } from 'react'
import type { DroppedTarget } from '@/api/types'
import { LabelList } from '@/components/LabelList'
import { useMessages } from '@/i18n'
import styles from './TargetsPage.module.css'

/** Discovery may find thousands; the first ones show what relabelling does. */
const shownMax = 300

interface DroppedPoolsProps {
  readonly dropped: readonly DroppedTarget[]
  readonly filter: string
}

/** Targets that discovery found and relabelling left out, as they were before. */
export function DroppedPools({ dropped, filter }: DroppedPoolsProps) {
  const t = useMessages('targets')
  const shown = useMemo(() => {
    const wanted = filter.toLowerCase()
    return dropped.filter((d) =>
      Object.entries(d.discovered)
        .map(([name, value]) => `${name}="${value}"`)
        .join(' ')
        .toLowerCase()
        .includes(wanted),
    )
  }, [dropped, filter])
  const pools = [...new Set(shown.map((d) => d.pool))].sort()
  return (
    <>
      <p className={styles.hint}>
        {t.targets.droppedHint} {t.common.shown(Math.min(shown.length, shownMax), dropped.length)}
      </p>
      {pools.map((pool) => (
        <section key={pool} className={styles.pool}>
          <h2 className={styles.poolHead}>{pool}</h2>
          {shown
            .filter((d) => d.pool === pool)
            .slice(0, shownMax)
            .map((d) => (
              <div key={JSON.stringify(d.discovered)} className={styles.droppedRow}>
                {d.reason !== '' && <p className={styles.reason}>{d.reason}</p>}
                <LabelList labels={d.discovered} />
              </div>
            ))}
        </section>
      ))}
    </>
  )
}
