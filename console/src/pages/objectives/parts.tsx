import type { Objective, ObjectiveState } from '@/api/objectives'
import { Facts, Rows, Mark, type Tone } from '@/components/watch/kit'
import { useMessages } from '@/i18n'
import { formatUptime } from '@/lib/ago'
import { dateTimeText } from '@/lib/clockText'
import { budgetTone, burnsByWindow, burnsTooFast, percentText } from '@/lib/objectives'
import { formatValue, significant } from '@/lib/units'
import { useNow } from '@/state/live'
import { useTimeState } from '@/state/timeSearch'
import styles from './objectives.module.css'
import { useWords } from './words'

export const stateTone: Readonly<Record<ObjectiveState, Tone>> = {
  ok: 'good',
  burning: 'warn',
  exhausted: 'bad',
  noData: 'quiet',
}

/** What is left of an error budget, as a bar. */
export function Budget({ left }: { readonly left: number | null }) {
  const w = useWords()
  const share = left === null ? '' : formatValue(Math.abs(left), 'ratio')
  const text = left === null ? w.unknownBudget : left < 0 ? w.over(share) : w.left(share)
  return (
    <div className={styles.budget} data-tone={budgetTone(left)}>
      <div
        className={styles.bar}
        role="meter"
        aria-label={w.budget}
        aria-valuenow={left === null ? 0 : Math.round(left * 100)}
        aria-valuetext={text}
        aria-valuemin={-100}
        aria-valuemax={100}
        data-over={(left !== null && left < 0) || undefined}
      >
        <i style={{ width: `${Math.min(Math.max(left ?? 0, 0), 1) * 100}%` }} />
      </div>
      <b>{text}</b>
    </div>
  )
}

const height = 30
/** At one the budget lasts just as long as its window; this is the least that the scale shows. */
const leastTop = 2

export const burnTone = (rate: number): 'good' | 'warn' | 'bad' =>
  rate <= 1 ? 'good' : rate < 6 ? 'warn' : 'bad'

/** Burn rates from the longest window to the shortest, against one. */
export function BurnBars({ objective }: { readonly objective: Objective }) {
  const w = useWords()
  const burns = burnsByWindow(objective.burnRates)
  const top = Math.max(leastTop, ...burns.map(({ rate }) => rate ?? 0))
  const tall = (rate: number) => Math.max((Math.max(rate, 0) / top) * (height - 1), rate > 0 ? 1 : 0.4)
  return (
    <svg
      className={styles.burns}
      viewBox={`0 0 ${Math.max(burns.length, 1)} ${height}`}
      preserveAspectRatio="none"
      role="img"
      aria-label={w.burns(objective.name)}
    >
      {burns.map(
        ({ window, rate }, at) =>
          rate !== null && (
            <rect
              key={window}
              x={at + 0.12}
              width={0.76}
              y={height - tall(rate)}
              height={tall(rate)}
              data-tone={burnTone(rate)}
            >
              <title>{`${window}: ${w.rate(significant(rate))}`}</title>
            </rect>
          ),
      )}
      <line x1={0} x2={burns.length} y1={height - tall(1)} y2={height - tall(1)} />
    </svg>
  )
}

/** How an objective stands, in numbers. */
export function Standing({ objective }: { readonly objective: Objective }) {
  const t = useMessages()
  const w = useWords()
  const now = useNow()
  const { zone } = useTimeState()
  const { current, target, budgetRemaining, exhaustedAt } = objective
  const left = budgetRemaining
  return (
    <Facts
      facts={[
        { name: w.target, value: percentText(target), note: w.window(objective.window) },
        {
          name: w.current,
          value: current === null ? '–' : percentText(current),
          tone: current === null ? undefined : current >= target ? 'good' : 'bad',
        },
        { name: w.budget, value: <Budget left={left} />, title: w.budgetHelp },
        {
          name: w.exhausts,
          value:
            left !== null && left <= 0
              ? w.exhausted
              : exhaustedAt === null
                ? w.exhaustsNever
                : w.exhaustsIn(formatUptime((exhaustedAt - now) / 1000, t.locale)),
          note: exhaustedAt === null ? undefined : dateTimeText(exhaustedAt, zone),
          tone: exhaustedAt === null ? undefined : 'warn',
        },
      ]}
    />
  )
}

/** Burn rates of all windows, each as a bar against the fastest. */
export function BurnList({ objective }: { readonly objective: Objective }) {
  const w = useWords()
  const burns = burnsByWindow(objective.burnRates)
  const top = Math.max(leastTop, ...burns.map(({ rate }) => rate ?? 0))
  return (
    <dl className={styles.burnList} aria-label={w.burnTable}>
      {burns.map(({ window, rate }) => (
        <div key={window} style={{ display: 'contents' }}>
          <dt>{window}</dt>
          <dd data-tone={rate === null ? 'quiet' : burnTone(rate)}>
            <div className={styles.bar}>
              <i style={{ width: `${Math.min(Math.max((rate ?? 0) / top, 0), 1) * 100}%` }} />
            </div>
          </dd>
          <b data-tone={rate === null ? 'quiet' : burnTone(rate)}>
            {rate === null ? '–' : w.rate(significant(rate))}
          </b>
        </div>
      ))}
    </dl>
  )
}

const alertTone = { inactive: 'good', pending: 'warn', firing: 'bad' } as const

/** The alerts about an objective, with what burns in their windows. */
export function BurnAlerts({ objective }: { readonly objective: Objective }) {
  const w = useWords()
  const { alerts, burnRates } = objective
  if (alerts.length === 0) return <p className="muted">{w.alertsNone}</p>
  const rate = (window: string) => {
    const known = burnRates[window]
    return known === undefined || known === null ? '–' : w.rate(significant(known))
  }
  return (
    <Rows
      label={w.alerts}
      titles={[w.alert.state, w.alert.severity, w.alert.windows, w.alert.factor, w.alert.now]}
      rows={alerts.map((alert) => ({
        key: `${alert.severity} ${alert.long} ${alert.short}`,
        cells: [
          <Mark key="state" tone={alertTone[alert.state]}>
            {w.alertState[alert.state]}
          </Mark>,
          w.severity[alert.severity] ?? alert.severity,
          `${alert.long}, ${alert.short}`,
          w.rate(significant(alert.factor)),
          <span key="now" data-tone={burnsTooFast(alert, burnRates) === true ? 'bad' : undefined}>
            {rate(alert.long)}, {rate(alert.short)}
          </span>,
        ],
      }))}
    />
  )
}
