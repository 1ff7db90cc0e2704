import { useMemo } from 'react'
import type { AlertHistory, RuleTrial } from '@/api/ruleTrial'
import { useMessages } from '@/i18n'
import { formatUptime } from '@/lib/ago'
import { dateTimeText, tickTexts } from '@/lib/clockText'
import { labelsKey } from '@/lib/frame'
import { distinguishing, selector } from '@/lib/matcher'
import { formatCount } from '@/lib/units'
import { useTimeState } from '@/state/timeSearch'
import { toneOf } from './parts'
import styles from './Timeline.module.css'

const rowsMax = 40
const ticks = 5

const firingMs = ({ stretches }: AlertHistory): number =>
  stretches.reduce((sum, s) => sum + (s.state === 'pending' ? 0 : s.until - s.from), 0)

/** The lives of alerts side by side: one row each, those that fire longest first. */
export function Timeline({ trial }: { readonly trial: RuleTrial }) {
  const t = useMessages('alerts')
  const { zone } = useTimeState()
  const { start, end, histories } = trial
  const rows = useMemo(
    () => [...histories].sort((a, b) => firingMs(b) - firingMs(a)).slice(0, rowsMax),
    [histories],
  )
  const telling = useMemo(() => distinguishing(histories.map((h) => h.labels)), [histories])
  if (rows.length === 0) return null
  const share = (at: number) => ((at - start) / Math.max(end - start, 1)) * 100
  const marks = Array.from({ length: ticks }, (_, i) => start + ((end - start) * (i + 0.5)) / ticks)
  const texts = tickTexts(marks, (end - start) / ticks, zone)
  return (
    <div className={styles.timeline} role="list" aria-label={t.alerts.editor.over}>
      {rows.map(({ labels, stretches }) => {
        const own = Object.entries(labels).filter(([name]) => name !== 'alertname' && telling.has(name))
        const name = selector('', Object.fromEntries(own))
        return (
          <div key={labelsKey(labels)} className={styles.row} role="listitem">
            <span className={`${styles.name} clip`} title={name}>
              {name}
            </span>
            <svg viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden>
              {stretches.map((s) => (
                <rect
                  key={`${s.from} ${s.state}`}
                  x={share(s.from)}
                  width={Math.max(share(s.until) - share(s.from), 0.25)}
                  y={s.state === 'pending' ? 3 : 0}
                  height={s.state === 'pending' ? 4 : 10}
                  fill={`var(--wf-state-${s.state})`}
                >
                  <title>
                    {`${t.alerts.state[s.state]}: ${dateTimeText(s.from, zone)} – ${dateTimeText(s.until, zone)} (${formatUptime((s.until - s.from) / 1000, t.locale)})`}
                  </title>
                </rect>
              ))}
            </svg>
          </div>
        )
      })}
      <div className={styles.axis} aria-hidden>
        {marks.map((at, index) => (
          <span key={at}>{texts[index]}</span>
        ))}
      </div>
      <ul className={styles.legend}>
        {(['pending', 'firing', 'recovering'] as const)
          .filter((state) => rows.some((row) => row.stretches.some((s) => s.state === state)))
          .map((state) => (
            <li key={state} style={toneOf(state)}>
              {t.alerts.state[state]}
            </li>
          ))}
        {trial.historyCount > rows.length && (
          <li data-plain>{t.alerts.editor.more(formatCount(trial.historyCount - rows.length))}</li>
        )}
      </ul>
    </div>
  )
}
