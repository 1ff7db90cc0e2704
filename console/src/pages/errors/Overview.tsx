import { Skeleton, useComputedColorScheme } from '@mantine/core'
import { useMemo } from 'react'
import type { IssueList } from '@/api/errors'
import type { ChartData, ChartSpec } from '@/components/chart/model'
import { TimeChart } from '@/components/chart/TimeChart'
import { useMessages } from '@/i18n'
import { seriesColor } from '@/lib/palette'
import { formatCount } from '@/lib/units'
import styles from './Overview.module.css'

interface OverviewProps {
  readonly found: IssueList | null
  readonly project: string | undefined
  readonly onProject: (project: string | undefined) => void
}

const height = 120

/** Errors over time by project, of all that the list is about. */
export function Overview({ found, project, onProject }: OverviewProps) {
  const t = useMessages('inbox').inbox
  const scheme = useComputedColorScheme('dark', { getInitialValueInEffect: false })
  const data = useMemo((): ChartData | null => {
    const timeline = found?.timeline ?? null
    if (found === null || timeline === null) return null
    const { start, end, bucketMs } = found
    const parts = Math.round((end - start) / bucketMs)
    return {
      from: start,
      to: end,
      times: Array.from({ length: parts }, (_, at) => start + (at + 0.5) * bucketMs),
      series: Object.entries(timeline).map(([name, values], index) => ({
        key: name,
        label: name === '(other)' ? t.others : name,
        color: seriesColor(index, scheme),
        values,
      })),
    }
  }, [found, scheme, t])
  const spec = useMemo(
    (): ChartSpec => ({ style: 'bars', unit: 'short', min: 0, barMs: found?.bucketMs ?? 3_600_000 }),
    [found?.bucketMs],
  )
  if (data === null) return <Skeleton height={height + 50} radius="md" />
  return (
    <section className={styles.panel} aria-label={t.chart}>
      <TimeChart label={t.chart} data={data} spec={spec} height={height} />
      <ul className={styles.legend}>
        {data.series.map((series) => (
          <li key={series.key}>
            <button
              type="button"
              aria-pressed={project === series.key}
              disabled={series.key === '(other)'}
              title={t.onlyProject(series.label)}
              onClick={() => onProject(project === series.key ? undefined : series.key)}
            >
              <i style={{ background: series.color }} />
              {series.label}
              <b>{formatCount(series.values.reduce<number>((sum, v) => sum + (v ?? 0), 0))}</b>
            </button>
          </li>
        ))}
        {data.series.length === 0 && <li className="muted">{t.noneInRange}</li>}
        <li className={styles.hint}>{t.chartHint}</li>
      </ul>
    </section>
  )
}
