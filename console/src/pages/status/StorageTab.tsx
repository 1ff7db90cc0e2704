import { Skeleton } from '@mantine/core'
import type { ReactNode } from 'react'
import type { Figures, Json } from '@/api/types'
import { useMessages } from '@/i18n'
import { ms } from '@/lib/brand'
import { dateTimeText } from '@/lib/clockText'
import { formatDuration } from '@/lib/duration'
import type { ZoneId } from '@/lib/time'
import { formatCount, formatValue, significant } from '@/lib/units'
import { useTimeState } from '@/state/timeSearch'
import styles from './StatusPage.module.css'
import { StoreCharts } from './StoreCharts'
import { figure, useStoreStatus } from './useStoreStatus'

export function Tile({
  title,
  value,
  detail,
}: {
  readonly title: string
  readonly value: string
  readonly detail?: ReactNode
}) {
  return (
    <section className={styles.tile}>
      <h2>{title}</h2>
      <b>{value}</b>
      {detail !== undefined && <span>{detail}</span>}
    </section>
  )
}

const sum = (...values: (number | null)[]): number =>
  values.reduce<number>((all, value) => all + (value ?? 0), 0)

/** A figure in the unit its name ends with. */
function figureText(name: string, value: Json, zone: ZoneId): string {
  if (typeof value !== 'number')
    return value === null ? '–' : typeof value === 'string' ? value : JSON.stringify(value)
  if (/bytes(_max)?$/i.test(name)) return formatValue(value, 'bytes')
  if (name === 'min_ms' || name === 'max_ms') return dateTimeText(value, zone)
  if (name.endsWith('_ms')) return formatDuration(ms(value))
  return value.toLocaleString('en-US')
}

export function FigureList({ figures }: { readonly figures: Figures }) {
  const { zone } = useTimeState()
  return (
    <dl className={styles.figures}>
      {Object.entries(figures)
        .filter(([, value]) => typeof value !== 'object' || value === null)
        .map(([name, value]) => (
          <div key={name}>
            <dt>{name.replaceAll('_', ' ')}</dt>
            <dd>{figureText(name, value, zone)}</dd>
          </div>
        ))}
    </dl>
  )
}

export function StorageTab() {
  const t = useMessages('status')
  const s = t.status
  const { zone } = useTimeState()
  const { status, error, perSecond } = useStoreStatus()
  if (status === undefined)
    return error === null ? <Skeleton height={220} /> : <p className={styles.hint}>{s.missing}</p>
  const get = (name: string) => figure(status.store, name)
  const [oldest, newest] = [get('min_ms'), get('max_ms')]
  const partSamples = get('part_samples') ?? 0
  const onDisk = sum(get('part_bytes'), get('index_bytes'), get('journal_bytes'))
  const perSample = partSamples === 0 ? null : sum(get('part_bytes'), get('index_bytes')) / partSamples
  return (
    <div className={styles.stack}>
      <Damages found={status.store.damages} />
      <div className={styles.tiles}>
        <Tile
          title={s.ingest}
          value={perSecond === null ? '–' : formatValue(perSecond, 'short')}
          detail={s.samples(formatCount(get('samples_appended')))}
        />
        <Tile
          title={s.series}
          value={formatCount(get('series_active'))}
          detail={s.known(formatCount(get('series')))}
        />
        <Tile
          title={s.onDisk}
          value={formatValue(onDisk, 'bytes')}
          detail={`${s.retention} ${formatDuration(ms(get('retention_ms') ?? 0))}`}
        />
        <Tile
          title={s.bytesPerSample}
          value={perSample === null ? '–' : significant(perSample, 3)}
          detail={s.samples(formatCount(partSamples))}
        />
        <Tile
          title={s.parts}
          value={formatCount(get('parts'))}
          detail={formatValue(get('part_bytes'), 'bytes')}
        />
        <Tile
          title={s.journal}
          value={formatValue(get('journal_bytes'), 'bytes')}
          detail={s.segments(get('journal_segments') ?? 0)}
        />
        <Tile
          title={s.inMemory}
          value={formatCount(get('head_samples'))}
          detail={formatValue(get('head_bytes'), 'bytes')}
        />
        <Tile
          title={s.newest}
          value={newest === null ? '–' : dateTimeText(newest, zone).slice(11)}
          detail={oldest === null ? '' : `${s.oldest} ${dateTimeText(oldest, zone).slice(0, 16)}`}
        />
      </div>
      <StoreCharts />
      <section className={styles.panel}>
        <h2>{s.details}</h2>
        <FigureList figures={status.store} />
      </section>
    </div>
  )
}

function Damages({ found }: { readonly found: Json | undefined }) {
  const s = useMessages('status').status
  if (!Array.isArray(found) || found.length === 0) return null
  const places = found as readonly Json[]
  return (
    <section className={styles.damage} role="alert">
      <b>{s.damages(places.length)}</b>
      <p>{s.damagesHint}</p>
      {places.slice(0, 20).map((place, index) => (
        <code key={index} className="mono">
          {typeof place === 'string' ? place : JSON.stringify(place)}
          <br />
        </code>
      ))}
    </section>
  )
}
