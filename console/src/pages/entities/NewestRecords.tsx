import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import type { Correlation, PreviewItem } from '@/api/entities'
import { signalIcons } from '@/components/related/RelatedMenu'
import { useMessages } from '@/i18n'
import { clockText, dateTimeText } from '@/lib/clockText'
import { useTimeState } from '@/state/timeSearch'
import styles from './NewestRecords.module.css'

/** The newest of each signal, to read at a glance. */
export function NewestRecords({ preview }: { readonly preview: Correlation['preview'] }) {
  const t = useMessages('entities', 'related')
  const { zone } = useTimeState()
  const names = (['logs', 'traces', 'errors', 'events'] as const).filter((name) => preview[name].length > 0)
  if (names.length === 0) return null
  const shown = (name: (typeof names)[number], item: PreviewItem): ReactNode => {
    const text = <span className="clip">{item.text}</span>
    if (name === 'errors' && item.id !== '') return <Link to={`/errors/${item.id}` as '/'}>{text}</Link>
    if (item.traceId !== '' && name === 'traces')
      return (
        <Link to="/traces/$id" params={{ id: item.traceId }}>
          {text}
        </Link>
      )
    return text
  }
  return (
    <section className={styles.grid} aria-label={t.entities.newest}>
      {names.map((name) => {
        const Sign = signalIcons[name]
        return (
          <div key={name} className={styles.card}>
            <h3>
              <Sign size={15} aria-hidden /> {t.related.signals[name]}
            </h3>
            <ol>
              {preview[name].map((item, i) => (
                <li key={i}>
                  <time dateTime={new Date(item.time).toISOString()} title={dateTimeText(item.time, zone)}>
                    {clockText(item.time, zone)}
                  </time>
                  {shown(name, item)}
                </li>
              ))}
            </ol>
          </div>
        )
      })}
    </section>
  )
}
