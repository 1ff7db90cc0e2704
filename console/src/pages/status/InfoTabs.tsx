import { Skeleton, TextInput } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { infoPage, type InfoPage } from '@/api/catalog'
import { useMessages } from '@/i18n'
import { dateTimeText } from '@/lib/clockText'
import type { ZoneId } from '@/lib/time'
import { formatValue } from '@/lib/units'
import { useTimeState } from '@/state/timeSearch'
import styles from './StatusPage.module.css'

function useInfo(page: InfoPage) {
  return useQuery({
    queryKey: ['info', page],
    queryFn: ({ signal }) => infoPage(page, signal),
    refetchInterval: 15_000,
  })
}

/** A fact as people read it: instants in their zone, sizes with a unit. */
function factText(name: string, value: string, zone: ZoneId): string {
  if (name === 'GOMEMLIMIT') return formatValue(Number(value), 'bytes')
  const instant = /^\d{4}-\d\d-\d\dT/.test(value) ? Date.parse(value) : NaN
  return Number.isNaN(instant) ? value : dateTimeText(instant, zone)
}

interface PairsProps {
  readonly page: InfoPage
  readonly filter?: string
}

function Pairs({ page, filter = '' }: PairsProps) {
  const s = useMessages('status').status
  const info = useInfo(page)
  const { zone } = useTimeState()
  const names: Record<string, string> = page === 'flags' ? {} : s.facts
  if (info.data === undefined)
    return info.error === null ? <Skeleton height={160} /> : <p className={styles.hint}>{s.missing}</p>
  const wanted = filter.toLowerCase()
  return (
    <dl className={styles.figures}>
      {Object.entries(info.data)
        .filter(([name, value]) => value !== '' && `${name} ${value}`.toLowerCase().includes(wanted))
        .map(([name, value]) => (
          <div key={name}>
            <dt>{names[name] ?? name}</dt>
            <dd className="mono">{factText(name, value, zone)}</dd>
          </div>
        ))}
    </dl>
  )
}

export function RuntimeTab() {
  const s = useMessages('status').status
  return (
    <div className={styles.stack}>
      <section className={styles.panel}>
        <h2>{s.build}</h2>
        <Pairs page="buildinfo" />
      </section>
      <section className={styles.panel}>
        <h2>{s.running}</h2>
        <Pairs page="runtimeinfo" />
      </section>
      <a className={styles.link} href="/third-party.txt" target="_blank" rel="noreferrer">
        {s.licences}
      </a>
    </div>
  )
}

export function FlagsTab() {
  const s = useMessages('status').status
  const [filter, setFilter] = useState('')
  return (
    <div className={styles.stack}>
      <TextInput
        data-main-input
        maw={360}
        placeholder={s.filterFlags}
        aria-label={s.filterFlags}
        value={filter}
        onChange={(event) => setFilter(event.currentTarget.value)}
      />
      <section className={styles.panel}>
        <Pairs page="flags" filter={filter} />
      </section>
    </div>
  )
}
