import type { RuleTrial } from '@/api/ruleTrial'
import { LabelList } from '@/components/LabelList'
import { useMessages } from '@/i18n'
import { formatUptime } from '@/lib/ago'
import { ms } from '@/lib/brand'
import { dateTimeText } from '@/lib/clockText'
import { formatDuration, parseDuration } from '@/lib/duration'
import { labelsKey } from '@/lib/frame'
import { formatCount, significant } from '@/lib/units'
import { useTimeState } from '@/state/timeSearch'
import { Annotations, ErrorNote, StateMark } from './parts'
import { Timeline } from './Timeline'
import styles from './TrialResults.module.css'

interface TrialResultsProps {
  readonly trial: RuleTrial
  /** It is of what was written before a mistake. */
  readonly stale: boolean
  readonly forText: string
}

const alertsMax = 30

/** What a rule gives now, and when it would have fired. */
export function TrialResults({ trial, stale, forText }: TrialResultsProps) {
  const t = useMessages('alerts')
  const e = t.alerts.editor
  const { zone } = useTimeState()
  const firing = trial.alerts.filter(({ state }) => state === 'firing').length
  const pending = trial.alertCount - firing
  const step = formatDuration(ms(trial.stepMs))
  const waits = (parseDuration(forText.trim()) ?? 0) > 0
  const verdict =
    trial.fired > 0 ? e.fired(trial.fired) : trial.historyCount > 0 && waits ? e.neverPending : e.never
  return (
    <div className={styles.results} data-stale={stale || undefined}>
      {stale && <p className={styles.note}>{e.stale}</p>}
      <div className={styles.part}>
        <h3>{e.over}</h3>
        <p>
          <b role="status">{verdict}</b>{' '}
          <span className="muted">
            {e.evaluated(step, formatCount(trial.steps))} {e.coarse(step)}
          </span>
        </p>
        <Timeline trial={trial} />
      </div>
      {trial.errors.length > 0 && (
        <ErrorNote
          text={`${e.errors(trial.errorCount)}: ${trial.errors[0]?.error ?? ''} (${dateTimeText(trial.errors[0]?.at ?? 0, zone)})`}
        />
      )}
      <div className={styles.part}>
        <h3>{e.now}</h3>
        {trial.alertCount === 0 ? (
          <p className="muted">{e.nowNone}</p>
        ) : (
          <p>{e.nowSome(formatCount(pending), formatCount(firing))}</p>
        )}
        <ul className={styles.alerts}>
          {trial.alerts.slice(0, alertsMax).map((alert) => (
            <li key={labelsKey(alert.labels)}>
              <header>
                <StateMark state={alert.state} />
                <LabelList labels={alert.labels} />
                <span className="muted tnum">
                  {significant(alert.value, 4)} ·{' '}
                  {t.alerts.since(formatUptime((trial.end - alert.activeAt) / 1000, t.locale))}
                </span>
              </header>
              <Annotations
                annotations={Object.fromEntries(
                  Object.entries(alert.annotations).filter(([, value]) => value !== ''),
                )}
              />
            </li>
          ))}
        </ul>
        {trial.alertCount > alertsMax && (
          <p className="muted">{t.alerts.rules.moreAlerts(formatCount(trial.alertCount - alertsMax))}</p>
        )}
      </div>
    </div>
  )
}
