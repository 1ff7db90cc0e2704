import { Skeleton } from '@mantine/core'
import { useNavigate } from '@tanstack/react-router'
import { useCallback, useMemo } from 'react'
import { useMessages } from '@/i18n'
import { decadesAround, durationBuckets, type DurationBucket } from '@/lib/trace/buckets'
import { formatCount, formatSeconds } from '@/lib/units'
import { Scatter, type Point } from './Scatter'
import styles from './ScatterPanel.module.css'
import type { SpanCounts, Traces } from './useTraces'

interface ScatterPanelProps {
  readonly data: Traces | null
  readonly points: readonly Point[]
  readonly counts: SpanCounts | null
  readonly onDuration: (bucket: DurationBucket) => void
}

const height = 210
/** What the axis of times takes below the plot, and the padding above it. */
const below = 26
const above = 8

/** Time against duration, and beside it how often which duration is. */
export function ScatterPanel({ data, points, counts, onDuration }: ScatterPanelProps) {
  const t = useMessages('traces').traces
  const navigate = useNavigate()
  const scale = useMemo(() => decadesAround(points.map(({ ms }) => ms)), [points])
  const buckets = useMemo(() => durationBuckets(points, scale), [points, scale])
  const names = useMemo(() => ({ good: t.good, failed: t.failed }), [t])
  const open = useCallback(
    ({ traceId, spanId }: Point, aside: boolean) => {
      const search = spanId === null ? {} : { span: spanId }
      if (aside) window.open(`/traces/${traceId}${spanId === null ? '' : `?span=${spanId}`}`, '_blank')
      else void navigate({ to: '/traces/$id', params: { id: traceId }, search })
    },
    [navigate],
  )
  return (
    <section className={styles.panel} aria-label={t.scatter}>
      <div className={styles.charts}>
        {data === null ? (
          <Skeleton height={height} radius="sm" />
        ) : (
          <>
            <div className={styles.scatter}>
              <Scatter
                label={t.scatterLabel(formatCount(points.length))}
                points={points}
                from={data.from}
                to={data.to}
                scale={scale}
                height={height}
                names={names}
                onOpen={open}
              />
            </div>
            <Histogram buckets={buckets} onDuration={onDuration} />
          </>
        )}
      </div>
      <footer className={styles.legend} title={t.scatterHelp}>
        <span>
          <i data-good /> {t.good}
        </span>
        <span>
          <i data-failed /> {t.failed}
        </span>
        {counts !== null && (
          <span className={styles.counts}>
            {t.counts(formatCount(counts.spans), formatCount(counts.errors))}
          </span>
        )}
      </footer>
    </section>
  )
}

interface HistogramProps {
  readonly buckets: readonly DurationBucket[]
  readonly onDuration: (bucket: DurationBucket) => void
}

/** Lies beside the scatter with the same axis; a bar is a button for its durations. */
function Histogram({ buckets, onDuration }: HistogramProps) {
  const t = useMessages('traces').traces
  const most = Math.max(1, ...buckets.map(({ count }) => count))
  const text = (ms: number) => formatSeconds(ms / 1000)
  return (
    <ul
      className={styles.histogram}
      aria-label={t.histogram}
      style={{ height: height - below - above, marginTop: above }}
    >
      {[...buckets].reverse().map((bucket) => (
        <li key={bucket.from}>
          <button
            type="button"
            disabled={bucket.count === 0}
            aria-label={t.bucket(text(bucket.from), text(bucket.to), bucket.count)}
            title={t.bucket(text(bucket.from), text(bucket.to), bucket.count)}
            onClick={() => onDuration(bucket)}
          >
            <i data-failed style={{ width: `${(bucket.failed / most) * 100}%` }} />
            <i data-good style={{ width: `${((bucket.count - bucket.failed) / most) * 100}%` }} />
          </button>
        </li>
      ))}
    </ul>
  )
}
