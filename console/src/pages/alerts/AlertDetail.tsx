import { Button, CloseButton, Skeleton } from '@mantine/core'
import { IconBellOff, IconLink, IconListDetails } from '@tabler/icons-react'
import { Link } from '@tanstack/react-router'
import { Message } from '@/components/Message'
import { ShareBar } from '@/components/ShareBar'
import { useCopy } from '@/components/useCopy'
import { useMessages } from '@/i18n'
import { formatUptime } from '@/lib/ago'
import { expressionOf, seriesLabels } from '@/lib/alertQuery'
import type { Alert } from '@/lib/alerts'
import { epochMs } from '@/lib/brand'
import { dateTimeText } from '@/lib/clockText'
import { thresholdOf } from '@/lib/threshold'
import { absoluteRange } from '@/lib/time'
import { formatValue, unitOfQuery } from '@/lib/units'
import { useNow } from '@/state/live'
import { useTimeState } from '@/state/timeSearch'
import styles from './AlertDetail.module.css'
import { ExploreLink } from './ExploreLink'
import { ExprText } from './ExprText'
import { Annotations, LabelChips, Severity, StateMark } from './parts'
import { ruleId } from './ruleId'
import { useRuleOf, type FoundRule } from './useRuleOf'
import { WhoIsTold } from './WhoIsTold'
import { WhyChart } from './WhyChart'

interface AlertDetailProps {
  /** undefined if it is over. */
  readonly alert: Alert | undefined
  readonly onClose: () => void
  readonly onFilter: (name: string, value: string, isEqual: boolean) => void
  readonly onSilence: (alert: Alert) => void
}

/** Everything about one alert: why it is there, since when, and who is told. */
export function AlertDetail({ alert, onClose, onFilter, onSilence }: AlertDetailProps) {
  const t = useMessages('alerts')
  const d = t.alerts.detail
  return (
    <aside className={styles.detail} aria-label={d.label}>
      <CloseButton className={styles.close} aria-label={d.close} onClick={onClose} />
      {alert === undefined ? (
        <Message title={d.gone}>{d.goneHint}</Message>
      ) : (
        <Known alert={alert} onFilter={onFilter} onSilence={onSilence} />
      )}
    </aside>
  )
}

type KnownProps = Omit<AlertDetailProps, 'alert' | 'onClose'> & { readonly alert: Alert }

function Known({ alert, onFilter, onSilence }: KnownProps) {
  const t = useMessages('alerts')
  const d = t.alerts.detail
  const copy = useCopy()
  const { zone } = useTimeState()
  const now = useNow()
  const rule = useRuleOf(alert)
  const found = rule.data ?? null
  const expr = found?.rule.query ?? expressionOf(alert.generatorUrl)
  const since = formatUptime((now - alert.since) / 1000, t.locale)
  return (
    <>
      <header className={styles.head}>
        <StateMark state={alert.state} />
        <Severity severity={alert.severity} />
        <h2>{alert.name}</h2>
        <span className="muted tnum">
          {alert.state === 'resolved' ? t.alerts.ended(since) : t.alerts.since(since)} ·{' '}
          {dateTimeText(alert.since, zone)}
        </span>
      </header>
      <div className={styles.actions}>
        {alert.state !== 'resolved' && (
          <Button leftSection={<IconBellOff size={15} />} onClick={() => onSilence(alert)}>
            {d.silence}
          </Button>
        )}
        {expr !== null && (
          <ExploreLink language={found?.rule.language ?? 'promql'} expr={expr} queries={queriesOf(expr)} />
        )}
        {found !== null && (
          <Button
            variant="default"
            leftSection={<IconListDetails size={15} />}
            renderRoot={(props) => (
              <Link {...props} to="/alerts" search={{ tab: 'rules', rule: ruleId(found) }} />
            )}
          >
            {d.rule}
          </Button>
        )}
        <Button
          variant="default"
          leftSection={<IconLink size={15} />}
          onClick={() => void copy(window.location.href, d.linkCopied)}
        >
          {d.link}
        </Button>
      </div>
      {Object.keys(alert.annotations).length > 0 ? (
        <Annotations annotations={alert.annotations} />
      ) : (
        alert.state !== 'resolved' && <p className={styles.hint}>{d.noAnnotations}</p>
      )}
      <LabelChips labels={alert.labels} onFilter={onFilter} />
      <Why alert={alert} rule={found} loading={rule.isPending} expr={expr} />
      {alert.state !== 'resolved' && <WhoIsTold alert={alert} />}
    </>
  )
}

/** What is measured comes first: it has a course where the comparison has gaps. */
function queriesOf(expr: string): string[] {
  const threshold = thresholdOf(expr)
  return threshold === null ? [expr] : [threshold.value, expr]
}

interface WhyProps {
  readonly alert: Alert
  readonly rule: FoundRule | null
  readonly loading: boolean
  readonly expr: string | null
}

function Why({ alert, rule, loading, expr }: WhyProps) {
  const t = useMessages('alerts')
  const d = t.alerts.detail
  const now = useNow()
  const { setRange } = useTimeState()
  if (loading) return <Skeleton height={240} />
  const threshold = expr === null ? null : thresholdOf(expr)
  const value = alert.value === null || Number.isNaN(alert.value) ? null : alert.value
  const began = alert.activeAt ?? alert.since
  const fromStart = () => {
    const lead = Math.max((now - began) * 0.25, 120_000)
    setRange(absoluteRange(began - lead, epochMs(now)))
  }
  return (
    <section className={styles.why} aria-label={d.why}>
      <header>
        <h3>{alert.state === 'pending' ? d.whyPending : d.why}</h3>
        {expr !== null && (
          <Button variant="subtle" color="gray" onClick={fromStart}>
            {d.fromStart}
          </Button>
        )}
      </header>
      {rule === null && <p className={styles.hint}>{d.elsewhere}</p>}
      {rule === null && <p className={styles.hint}>{expr === null ? d.elsewhereNone : d.elsewhereExpr}</p>}
      {expr !== null && (
        <>
          <ExprText expr={expr} />
          <p className={styles.reading}>
            {value !== null && (
              <b>
                {d.value} {formatValue(value, unitOfQuery(threshold?.value ?? expr), 4)}
              </b>
            )}{' '}
            <span className="muted">
              {threshold === null ? d.exists : d.compares(threshold.op, threshold.limit)}
            </span>
          </p>
        </>
      )}
      {rule !== null && alert.state === 'pending' && <Progress alert={alert} rule={rule} />}
      {alert.recoveringSince !== null && (
        <p className={styles.hint}>
          {d.recovering(formatUptime((now - alert.recoveringSince) / 1000, t.locale))}
        </p>
      )}
      {expr !== null && (rule?.rule.language ?? 'promql') === 'promql' && (
        <WhyChart
          expr={expr}
          labels={seriesLabels(alert.ruleLabels ?? alert.labels, rule?.rule.labels ?? { severity: '' })}
          alert={alert.ruleLabels}
        />
      )}
    </section>
  )
}

/** How much of `for` has passed. */
function Progress({ alert, rule }: { readonly alert: Alert; readonly rule: FoundRule }) {
  const t = useMessages('alerts')
  const d = t.alerts.detail
  const now = useNow()
  const wait = rule.rule.forSeconds
  if (wait <= 0 || alert.activeAt === null) return <p className={styles.hint}>{d.noFor}</p>
  const passed = Math.max((now - alert.activeAt) / 1000, 0)
  const text = (seconds: number) => formatUptime(Math.round(seconds), t.locale)
  return (
    <div className={styles.progress}>
      <ShareBar share={passed / wait} label={d.progress(text(passed), text(wait))} warn={0} />
      <span>
        {d.progress(text(Math.min(passed, wait)), text(wait))} ·{' '}
        {passed < wait ? d.firesIn(text(wait - passed)) : d.firesNow}
      </span>
    </div>
  )
}
