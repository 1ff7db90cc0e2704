import { Button, CloseButton } from '@mantine/core'
import { IconBellRinging, IconCopy, IconFlask } from '@tabler/icons-react'
import { Link } from '@tanstack/react-router'
import { ruleGroups, type Rule } from '@/api/alerting'
import { Message } from '@/components/Message'
import { LabelList } from '@/components/LabelList'
import { useCopy } from '@/components/useCopy'
import { useMessages, type With } from '@/i18n'
import { formatUptime } from '@/lib/ago'
import { equality, matchersText } from '@/lib/alertMatchers'
import { alertKey, severityOf } from '@/lib/alerts'
import { ms } from '@/lib/brand'
import { formatDuration } from '@/lib/duration'
import { labelsKey } from '@/lib/frame'
import { ruleYaml, textOfRule } from '@/lib/ruleYaml'
import { formatCount, formatSeconds, significant } from '@/lib/units'
import { useNow } from '@/state/live'
import { ruleDraft } from '@/state/ruleDraft'
import styles from './AlertDetail.module.css'
import { ExploreLink } from './ExploreLink'
import { ExprText } from './ExprText'
import { Annotations, ErrorNote, Severity, StateMark } from './parts'
import own from './RuleDetail.module.css'
import type { PlacedRule } from './ruleId'
import { useCurrent } from './useAlerts'
import { WhyChart } from './WhyChart'

interface RuleDetailProps {
  /** undefined if there is no such rule any more. */
  readonly placed: PlacedRule | undefined
  readonly onClose: () => void
  readonly onEdit: () => void
}

/** Everything about one rule: what it asks, how it fares, which alerts it gives. */
export function RuleDetail({ placed, onClose, onEdit }: RuleDetailProps) {
  const r = useMessages('alerts').alerts.rules
  const t = useMessages()
  return (
    <aside className={styles.detail} aria-label={r.detail}>
      <CloseButton className={styles.close} aria-label={t.common.close} onClick={onClose} />
      {placed === undefined ? <Message title={r.noMatch} /> : <Known placed={placed} onEdit={onEdit} />}
    </aside>
  )
}

/** What people can do about an error of a rule. */
function remedyOf(error: string, r: With<'alerts'>['alerts']['rules']['remedy']): string {
  if (error.includes('same labelset')) return r.sameLabels
  if (/many-to-many|duplicate series|multiple matches|must be unique/.test(error)) return r.manyToMany
  if (error.includes('exceeded limit of')) return r.limit
  if (/timed out|timeout|took longer/.test(error)) return r.timeout
  if (/memory|query\.\w+|samples/.test(error)) return r.memory
  return r.other
}

function Known({ placed, onEdit }: { readonly placed: PlacedRule; readonly onEdit: () => void }) {
  const t = useMessages('alerts')
  const r = t.alerts.rules
  const copy = useCopy()
  const now = useNow()
  const { rule, group } = placed
  const alerting = rule.type === 'alerting'
  const edit = () => {
    ruleDraft.set(textOfRule(rule))
    onEdit()
  }
  const ago =
    rule.lastEvaluation === null
      ? r.notYet
      : r.ago(formatUptime(Math.max(now - rule.lastEvaluation, 0) / 1000, t.locale))
  return (
    <>
      <header className={styles.head}>
        {alerting || rule.health === 'err' ? (
          <StateMark state={rule.health === 'err' ? 'failing' : rule.state} />
        ) : (
          <span className="muted">{r.recording}</span>
        )}
        <Severity severity={severityOf(rule.labels)} />
        <h2>{rule.name}</h2>
        <span className="muted tnum">
          {ago} · {r.took(formatSeconds(rule.evaluationSeconds, 2))}
        </span>
      </header>
      <div className={styles.actions}>
        {alerting && (
          <Button leftSection={<IconFlask size={15} />} onClick={edit}>
            {r.edit}
          </Button>
        )}
        <ExploreLink language={rule.language} expr={rule.query} />
        {alerting && (
          <Button
            variant="default"
            leftSection={<IconBellRinging size={15} />}
            renderRoot={(props) => (
              <Link
                {...props}
                to="/alerts"
                search={{ filter: matchersText([equality('alertname', rule.name)]) }}
              />
            )}
          >
            {r.showAlerts}
          </Button>
        )}
        {alerting && (
          <Button
            variant="default"
            leftSection={<IconCopy size={15} />}
            onClick={() => void copy(ruleYaml(textOfRule(rule)))}
          >
            {r.copyYaml}
          </Button>
        )}
      </div>
      {rule.lastError !== '' && (
        <div className={styles.part}>
          <h3>{r.lastError}</h3>
          <ErrorNote text={rule.lastError} help={remedyOf(rule.lastError, r.remedy)} />
        </div>
      )}
      {rule.unmatchedSince !== null && (
        <div className={styles.part}>
          <h3>{r.unmatched(formatUptime(Math.max(now - rule.unmatchedSince, 0) / 1000, t.locale))}</h3>
          <span className="muted">{r.unmatchedHelp}</span>
        </div>
      )}
      <div className={styles.part}>
        <h3>{r.expression}</h3>
        <ExprText expr={rule.query} />
        <span className="muted">
          {[
            rule.language === 'promql' ? '' : r.languages[rule.language],
            rule.forSeconds > 0 ? r.for(formatDuration(ms(rule.forSeconds * 1000))) : '',
            rule.keepFiringSeconds > 0 ? r.keep(formatDuration(ms(rule.keepFiringSeconds * 1000))) : '',
          ]
            .filter(Boolean)
            .join(' · ')}
        </span>
      </div>
      {Object.keys(rule.labels).length > 0 && (
        <div className={styles.part}>
          <h3>{r.labels}</h3>
          <LabelList labels={rule.labels} />
        </div>
      )}
      {Object.keys(rule.annotations).length > 0 && (
        <div className={styles.part}>
          <h3>{r.annotations}</h3>
          <Annotations annotations={rule.annotations} />
        </div>
      )}
      {alerting && <RuleAlerts placed={placed} />}
      {rule.health !== 'err' && rule.language === 'promql' && (
        <div className={styles.part}>
          <h3>{r.course}</h3>
          <WhyChart expr={rule.query} labels={null} alert={null} />
        </div>
      )}
      <div className={styles.part}>
        <h3>{r.where}</h3>
        <code className={own.where}>
          {group.file} › {group.name} › {placed.index + 1}
        </code>
      </div>
    </>
  )
}

const shownMax = 50

function RuleAlerts({ placed }: { readonly placed: PlacedRule }) {
  const t = useMessages('alerts')
  const r = t.alerts.rules
  const now = useNow()
  const { rule, group } = placed
  const same = (other: Rule) =>
    other.name === rule.name &&
    other.query === rule.query &&
    labelsKey(other.labels) === labelsKey(rule.labels)
  const found = useCurrent(['rule-alerts', group.file, group.name, rule.name], (signal) =>
    ruleGroups({ file: group.file, group: group.name, name: rule.name, alerts: true }, signal),
  )
  const alerts = (found.data ?? []).flatMap((g) => g.rules).find(same)?.alerts ?? []
  return (
    <div className={styles.part}>
      <h3>{r.alerts}</h3>
      {found.data !== undefined && alerts.length === 0 && rule.health === 'ok' && (
        <span className="muted">{r.noAlerts}</span>
      )}
      <ul className={own.alerts}>
        {alerts.slice(0, shownMax).map((alert) => (
          <li key={labelsKey(alert.labels)}>
            <Link to="/alerts" search={{ alert: alertKey(alert.labels) }}>
              <StateMark state={alert.state} />
              <LabelList
                labels={Object.fromEntries(
                  Object.entries(alert.labels).filter(
                    ([name, value]) => name !== 'alertname' && rule.labels[name] !== value,
                  ),
                )}
              />
              <span className="muted tnum">
                {significant(alert.value, 4)} ·{' '}
                {t.alerts.since(formatUptime((now - alert.activeAt) / 1000, t.locale))}
              </span>
            </Link>
          </li>
        ))}
      </ul>
      {alerts.length > shownMax && (
        <span className="muted">{r.moreAlerts(formatCount(alerts.length - shownMax))}</span>
      )}
    </div>
  )
}
