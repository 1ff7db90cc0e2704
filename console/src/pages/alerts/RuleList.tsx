import { Tooltip } from '@mantine/core'
import { IconAlertTriangle, IconFileText } from '@tabler/icons-react'
import { memo, useMemo } from 'react'
import type { RuleGroup } from '@/api/alerting'
import { ShareBar } from '@/components/ShareBar'
import { WindowList } from '@/components/WindowList'
import { useMessages } from '@/i18n'
import { formatUptime } from '@/lib/ago'
import { severityOf } from '@/lib/alerts'
import { ms } from '@/lib/brand'
import { formatDuration } from '@/lib/duration'
import { formatCount, formatSeconds } from '@/lib/units'
import { useNow } from '@/state/live'
import { ExprText } from './ExprText'
import { Severity, StateMark } from './parts'
import { ruleId, type PlacedRule } from './ruleId'
import styles from './RuleList.module.css'

interface RuleListProps {
  readonly rules: readonly PlacedRule[]
  readonly selected: string | null
  readonly onOpen: (rule: PlacedRule) => void
}

type Item =
  { readonly kind: 'group'; readonly group: RuleGroup } | { readonly kind: 'rule'; readonly rule: PlacedRule }

const groupHeight = 50
const ruleHeight = 40
const failingHeight = 62

const size = (item: Item): number =>
  item.kind === 'group' ? groupHeight : item.rule.rule.lastError === '' ? ruleHeight : failingHeight
const itemKey = (item: Item): string =>
  item.kind === 'group' ? `group ${item.group.file};${item.group.name}` : ruleId(item.rule)

/** Rules below their groups, in the order in which they are evaluated. */
export function RuleList({ rules, selected, onOpen }: RuleListProps) {
  const a = useMessages('alerts').alerts
  const items = useMemo(
    () =>
      rules.flatMap((rule, at): Item[] => [
        ...(rules[at - 1]?.group === rule.group ? [] : [{ kind: 'group', group: rule.group } as const]),
        { kind: 'rule', rule },
      ]),
    [rules],
  )
  return (
    <WindowList label={a.tabs.rules} items={items} itemKey={itemKey} size={size} chosen={selected}>
      {(item) =>
        item.kind === 'group' ? (
          <GroupHead group={item.group} />
        ) : (
          <RuleRow placed={item.rule} selected={ruleId(item.rule) === selected} onOpen={onOpen} />
        )
      }
    </WindowList>
  )
}

/** A group is shown to be slow once it takes this part of its interval, and to be too slow from all of it on. */
const slowShare = 0.5

function GroupHead({ group }: { readonly group: RuleGroup }) {
  const t = useMessages('alerts')
  const r = t.alerts.rules
  const now = useNow()
  const share = group.intervalSeconds > 0 ? group.evaluationSeconds / group.intervalSeconds : 0
  const percent = `${(share * 100).toFixed(share < 0.1 ? 1 : 0)} %`
  return (
    <div className={styles.group}>
      <b className="clip">{group.name}</b>
      <span className={styles.file} title={group.file}>
        <IconFileText size={14} stroke={1.5} aria-hidden />
        <span className="clip">{group.file}</span>
      </span>
      <span className={styles.facts}>
        {group.missed > 0 && (
          <Tooltip label={r.missedHelp} multiline maw={320}>
            <span className={styles.missed} tabIndex={0}>
              <IconAlertTriangle size={13} aria-hidden /> {r.missed(formatCount(group.missed))}
            </span>
          </Tooltip>
        )}
        <span>{r.every(formatDuration(ms(group.intervalSeconds * 1000)))}</span>
        {group.limit > 0 && <span>{r.limit(group.limit)}</span>}
        <span>
          {group.lastEvaluation === null
            ? r.notYet
            : r.ago(formatUptime(Math.max(now - group.lastEvaluation, 0) / 1000, t.locale))}
        </span>
        <Tooltip label={r.slow(percent)}>
          <span className={styles.took} tabIndex={0}>
            {r.took(formatSeconds(group.evaluationSeconds, 2))}
            <ShareBar share={share} label={r.slow(percent)} warn={slowShare} bad={1} thin />
          </span>
        </Tooltip>
      </span>
    </div>
  )
}

interface RuleRowProps {
  readonly placed: PlacedRule
  readonly selected: boolean
  readonly onOpen: (rule: PlacedRule) => void
}

const RuleRow = memo(function RuleRow({ placed, selected, onOpen }: RuleRowProps) {
  const a = useMessages('alerts').alerts
  const { rule } = placed
  const state = rule.health === 'err' ? 'failing' : rule.state
  return (
    <button
      type="button"
      className={styles.rule}
      aria-current={selected || undefined}
      data-failing={rule.health === 'err' || undefined}
      onClick={() => onOpen(placed)}
    >
      <span className={styles.state}>
        {rule.type === 'recording' && rule.health !== 'err' ? (
          <span className={styles.records}>{a.rules.recording}</span>
        ) : (
          <StateMark state={state} />
        )}
      </span>
      <span className={styles.name}>
        <span className="clip">{rule.name}</span>
        <Severity severity={severityOf(rule.labels)} />
      </span>
      <ExprText expr={rule.query} line />
      <span className={styles.for}>
        {rule.forSeconds > 0 && a.rules.for(formatDuration(ms(rule.forSeconds * 1000)))}
      </span>
      {rule.lastError !== '' && <span className={`${styles.error} clip`}>{rule.lastError}</span>}
    </button>
  )
})
