import { Button } from '@mantine/core'
import { IconArrowsSplit, IconBell } from '@tabler/icons-react'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import type { IncidentAlert, IncidentDetail } from '@/api/incidents'
import { LabelChips, Mark } from '@/components/watch/kit'
import kit from '@/components/watch/kit.module.css'
import { useMessages } from '@/i18n'
import { formatUptime } from '@/lib/ago'
import { seriesLabels } from '@/lib/alertQuery'
import { quote } from '@/lib/matcher'
import { severityTone } from '@/lib/incidents'
import { ExprText } from '@/pages/alerts/ExprText'
import { WhyChart } from '@/pages/alerts/WhyChart'
import { ruleGroups, type Rule } from '@/api/alerting'
import { useCurrent } from '@/state/current'
import { useNow } from '@/state/live'
import styles from './incidents.module.css'
import { useWords } from './words'

interface AlertCardsProps {
  readonly incident: IncidentDetail
  readonly busy: boolean
  readonly onSplit: (fingerprints: readonly string[]) => void
}

/** So many show at once what they measure; others when they are opened. */
const openFirst = 2
const shownFirst = 20

/** The alerts of an incident, what they measure, and which are to go their own way. */
export function AlertCards({ incident, busy, onSplit }: AlertCardsProps) {
  const t = useMessages()
  const w = useWords()
  const [marked, setMarked] = useState<ReadonlySet<string>>(new Set())
  const [all, setAll] = useState(false)
  const { alerts } = incident
  const groups = useCurrent(['rules'], (signal) => ruleGroups({ alerts: false }, signal), { slowest: 30_000 })
  const rules = (groups.data ?? []).flatMap((group) => group.rules)
  const toggle = (fingerprint: string) => {
    const next = new Set(marked)
    if (!next.delete(fingerprint)) next.add(fingerprint)
    setMarked(next)
  }
  return (
    <section className={styles.card} aria-label={w.page.alerts}>
      <header>
        <h2>
          {w.page.alerts} <span className="muted">{alerts.length}</span>
        </h2>
        {alerts.length > 1 && (
          <Button
            variant="default"
            disabled={busy || marked.size === 0 || marked.size >= alerts.length}
            leftSection={<IconArrowsSplit size={15} />}
            title={w.actions.splitHint}
            onClick={() => onSplit([...marked])}
          >
            {w.actions.split}
          </Button>
        )}
      </header>
      {(all ? alerts : alerts.slice(0, shownFirst)).map((alert, at) => (
        <AlertCard
          key={alert.fingerprint}
          alert={alert}
          rule={rules.find(({ name, query }) => name === alert.name && query === alert.expr)}
          first={at < openFirst && alert.firing}
          marked={marked.has(alert.fingerprint)}
          onMark={alerts.length > 1 ? () => toggle(alert.fingerprint) : undefined}
        />
      ))}
      {!all && alerts.length > shownFirst && (
        <Button variant="subtle" color="gray" onClick={() => setAll(true)}>
          {t.common.shown(shownFirst, alerts.length)}
        </Button>
      )}
    </section>
  )
}

interface AlertCardProps {
  readonly alert: IncidentAlert
  /** The rule it comes of, as long as there is one that says the same. */
  readonly rule: Rule | undefined
  readonly first: boolean
  readonly marked: boolean
  readonly onMark: (() => void) | undefined
}

function AlertCard({ alert, rule, first, marked, onMark }: AlertCardProps) {
  const t = useMessages()
  const w = useWords()
  const now = useNow()
  const [open, setOpen] = useState(first)
  const span = formatUptime(((alert.endsAt ?? now) - alert.startsAt) / 1000, t.locale)
  return (
    <div className={styles.alert}>
      <header>
        {onMark !== undefined && (
          <input
            type="checkbox"
            className={styles.mark}
            aria-label={w.select(alert.name)}
            checked={marked}
            onChange={onMark}
          />
        )}
        <Mark tone={alert.firing ? 'bad' : 'good'}>{alert.firing ? w.page.firing : w.page.over}</Mark>
        <span className={styles.severity} data-tone={severityTone(alert.severity)}>
          {alert.severity}
        </span>
        <b>{alert.name}</b>
        <span className="muted tnum">
          {w.lasted(span)} · {w.page.times(alert.times)}
        </span>
        <Button
          variant="subtle"
          color="gray"
          size="compact-xs"
          leftSection={<IconBell size={13} />}
          renderRoot={(props) => (
            <Link {...props} to="/alerts" search={{ filter: `alertname=${quote(alert.name)}` }} />
          )}
        >
          {w.page.showAlert}
        </Button>
      </header>
      {alert.summary !== '' && <span>{alert.summary}</span>}
      <LabelChips labels={alert.labels} />
      {alert.expr === '' ? (
        <p className={kit.hint}>{w.page.noExpr}</p>
      ) : (
        <details open={open} onToggle={(event) => setOpen(event.currentTarget.open)}>
          <summary>
            <ExprText expr={alert.expr} />
          </summary>
          {open && (rule?.language ?? 'promql') === 'promql' && (
            <WhyChart
              expr={alert.expr}
              labels={seriesLabels(alert.labels, rule?.labels ?? { severity: '' })}
              alert={alert.labels}
            />
          )}
        </details>
      )}
    </div>
  )
}
