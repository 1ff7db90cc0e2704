import { LabelList } from '@/components/LabelList'
import { useMessages } from '@/i18n'
import { hasHiddenMetric, type DerivedMetric } from '@/lib/pipelineTrial'
import { formatCount, formatValue } from '@/lib/units'
import type { YamlNode } from '@/lib/yamlTree'
import styles from './Results.module.css'

interface DerivedProps {
  readonly metrics: readonly DerivedMetric[]
  readonly pipeline: YamlNode | null
}

/** What the lines would count in metrics. */
export function Derived({ metrics, pipeline }: DerivedProps) {
  const p = useMessages('pipelines').pipelines
  const hidden = hasHiddenMetric(pipeline)
  if (metrics.length === 0 && !hidden) return null
  return (
    <section className={styles.metrics} aria-label={p.metrics}>
      <h3>{p.metrics}</h3>
      <p className="muted">{hidden ? p.metricsHidden : p.metricsHint}</p>
      {metrics.map(({ name, type, place, series }) => (
        <table key={place}>
          <caption>
            <code>{name}</code> <span className="muted">{type}</span>
          </caption>
          <tbody>
            {series.length === 0 && (
              <tr>
                <td className="muted">{p.metricsNone}</td>
              </tr>
            )}
            {series.map(({ labels, count, sum }) => (
              <tr key={JSON.stringify(labels)}>
                <td>
                  <LabelList labels={labels} />
                </td>
                <td>
                  {type === 'histogram'
                    ? p.observations(formatCount(count), formatValue(sum, 'short'))
                    : formatValue(sum, 'short')}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      ))}
    </section>
  )
}
