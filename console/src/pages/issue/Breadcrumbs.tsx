import { useState } from 'react'
import type { Breadcrumb, ErrorEvent } from '@/api/errorEvent'
import { useMessages } from '@/i18n'
import { formatSeconds } from '@/lib/units'
import { exactTimeText } from '@/lib/clockText'
import { levelOf } from '@/lib/levels'
import { useTimeState } from '@/state/timeSearch'
import { DataView } from './DataView'
import styles from './Breadcrumbs.module.css'
import { Section } from './Section'

/** So many of the newest are shown at first. */
const shownAtFirst = 15

const hasData = (data: unknown): boolean =>
  typeof data === 'object' && data !== null && Object.keys(data).length > 0

/** What happened before, the newest first. */
export function Breadcrumbs({ event }: { readonly event: ErrorEvent }) {
  const t = useMessages('issue').issue
  const { zone } = useTimeState()
  const [all, setAll] = useState(false)
  const crumbs = [...event.breadcrumbs].reverse()
  if (crumbs.length === 0) return null
  const shown = all ? crumbs : crumbs.slice(0, shownAtFirst)
  const before = (crumb: Breadcrumb) =>
    crumb.time === null ? '' : `−${formatSeconds(Math.max(event.time - crumb.time, 0) / 1000)}`
  return (
    <Section title={`${t.breadcrumbs} (${crumbs.length})`}>
      <ol className={styles.crumbs}>
        {shown.map((crumb, index) => (
          <li
            key={index}
            style={{ borderLeftColor: `var(--wf-level-${levelOf(crumb.level)})` }}
            data-level={crumb.level}
          >
            <span className={styles.when} title={crumb.time === null ? '' : exactTimeText(crumb.time, zone)}>
              {before(crumb)}
            </span>
            <span className={styles.category}>{crumb.category === '' ? crumb.type : crumb.category}</span>
            <div className={styles.what}>
              {crumb.message !== '' && <p>{crumb.message}</p>}
              {hasData(crumb.data) && <DataView value={crumb.data} />}
            </div>
          </li>
        ))}
      </ol>
      {crumbs.length > shown.length && (
        <button type="button" className={styles.more} onClick={() => setAll(true)}>
          {t.moreCrumbs(crumbs.length - shown.length)}
        </button>
      )}
    </Section>
  )
}
