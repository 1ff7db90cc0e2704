import { useMemo } from 'react'
import type { ChartSpec } from '@/components/chart/model'
import { Legend } from '@/components/chart/Legend'
import { Panel } from '@/components/chart/Panel'
import { TimeChart } from '@/components/chart/TimeChart'
import { useIsolation } from '@/components/chart/useIsolation'
import { useMessages } from '@/i18n'
import { errorText } from '@/lib/serverError'
import { useHistogram } from '@/pages/logs/useHistogram'
import styles from './SignalStack.module.css'

interface LogLevelsProps {
  readonly selector: string
  readonly axisPixels: number
  readonly height: number
}

/** Lines over time by level. */
export function LogLevels({ selector, axisPixels, height }: LogLevelsProps) {
  const t = useMessages('entities')
  const levelName = useMemo(() => (level: string) => t.common.levels[level] ?? level, [t])
  const { data, stepMs, error } = useHistogram(selector, levelName)
  const spec = useMemo(
    (): ChartSpec => ({ style: 'bars', unit: 'short', min: 0, barMs: stepMs, axisPixels }),
    [stepMs, axisPixels],
  )
  const keyText = data?.series.map(({ key }) => key).join('\n') ?? ''
  const keys = useMemo(() => keyText.split('\n'), [keyText])
  const [hidden, toggle] = useIsolation(keys)
  return (
    <Panel title={t.entities.logs}>
      {data === null ? (
        <p className={styles.note} style={{ height }}>
          {error === null ? '' : errorText(error.message)}
        </p>
      ) : (
        <>
          <TimeChart label={t.entities.logs} data={data} spec={spec} height={height} hidden={hidden} />
          <Legend series={data.series} unit="short" hidden={hidden} onToggle={toggle} />
        </>
      )}
    </Panel>
  )
}
