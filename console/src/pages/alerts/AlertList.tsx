import { ActionIcon } from '@mantine/core'
import { IconBellOff } from '@tabler/icons-react'
import { memo, useMemo, useState } from 'react'
import { WindowList } from '@/components/WindowList'
import { useMessages } from '@/i18n'
import { formatUptime } from '@/lib/ago'
import { alertStates, severityTone, type Alert, type AlertGroup } from '@/lib/alerts'
import { dateTimeText } from '@/lib/clockText'
import { formatCount, significant } from '@/lib/units'
import { useNow } from '@/state/live'
import { useTimeState } from '@/state/timeSearch'
import styles from './AlertList.module.css'
import { headline, LabelChips, Severity, StateMark, toneOf } from './parts'

interface AlertListProps {
  readonly groups: readonly AlertGroup[]
  readonly by: string
  readonly selected: string | null
  readonly onOpen: (alert: Alert) => void
  readonly onFilter: (name: string, value: string, isEqual: boolean) => void
  readonly onSilence: (alert: Alert) => void
}

type Item =
  { readonly kind: 'group'; readonly group: AlertGroup } | { readonly kind: 'alert'; readonly alert: Alert }

const groupHeight = 38
const alertHeight = 58

const itemKey = (item: Item): string => (item.kind === 'group' ? `group ${item.group.name}` : item.alert.key)
const size = (item: Item): number => (item.kind === 'group' ? groupHeight : alertHeight)

/** Alerts in groups that can be folded. */
export function AlertList({ groups, by, selected, onOpen, onFilter, onSilence }: AlertListProps) {
  const a = useMessages('alerts').alerts
  const [closed, setClosed] = useState<ReadonlySet<string>>(new Set())
  const items = useMemo(
    () =>
      groups.flatMap((group): Item[] => [
        ...(by === 'none' ? [] : [{ kind: 'group', group } as const]),
        ...(closed.has(group.name) ? [] : group.alerts.map((alert) => ({ kind: 'alert', alert }) as const)),
      ]),
    [groups, by, closed],
  )
  const hidden = useMemo(() => new Set(['alertname', 'severity', by]), [by])
  const toggle = (name: string) => {
    const next = new Set(closed)
    if (!next.delete(name)) next.add(name)
    setClosed(next)
  }
  return (
    <WindowList label={a.tabs.alerts} items={items} itemKey={itemKey} size={size} chosen={selected}>
      {(item) =>
        item.kind === 'group' ? (
          <GroupHead
            group={item.group}
            by={by}
            open={!closed.has(item.group.name)}
            onToggle={() => toggle(item.group.name)}
          />
        ) : (
          <AlertRow
            alert={item.alert}
            hidden={hidden}
            selected={item.alert.key === selected}
            onOpen={onOpen}
            onFilter={onFilter}
            onSilence={onSilence}
          />
        )
      }
    </WindowList>
  )
}

interface GroupHeadProps {
  readonly group: AlertGroup
  readonly by: string
  readonly open: boolean
  readonly onToggle: () => void
}

function GroupHead({ group, by, open, onToggle }: GroupHeadProps) {
  const a = useMessages('alerts').alerts
  const state = by === 'state' ? alertStates.find((known) => known === group.name) : undefined
  const name = state !== undefined ? a.state[state] : group.name === '' ? a.without(by) : group.name
  return (
    <button type="button" className={styles.group} aria-expanded={open} onClick={onToggle}>
      <span className={styles.arrow} data-open={open || undefined} aria-hidden />
      {by === 'severity' && group.name !== '' ? (
        <Severity severity={group.name} />
      ) : (
        <b className="clip">{name}</b>
      )}
      <span className={styles.counts}>
        {alertStates
          .filter((known) => group.counts[known] > 0)
          .map((known) => (
            <span key={known} style={toneOf(known)} title={a.state[known]}>
              {formatCount(group.counts[known])} {a.state[known]}
            </span>
          ))}
      </span>
    </button>
  )
}

interface AlertRowProps {
  readonly alert: Alert
  readonly hidden: ReadonlySet<string>
  readonly selected: boolean
  readonly onOpen: (alert: Alert) => void
  readonly onFilter: (name: string, value: string, isEqual: boolean) => void
  readonly onSilence: (alert: Alert) => void
}

/** Drawn anew only when something of it changes: a list that scrolls draws many. */
const AlertRow = memo(function AlertRow(props: AlertRowProps) {
  const { alert, hidden, selected, onOpen, onFilter, onSilence } = props
  const t = useMessages('alerts')
  const a = t.alerts
  const { zone } = useTimeState()
  const now = useNow()
  const since = formatUptime((now - alert.since) / 1000, t.locale)
  const summary = headline(alert.annotations)
  return (
    <div
      className={styles.row}
      data-selected={selected || undefined}
      data-severity={severityTone(alert.severity)}
      data-quiet={alert.state !== 'firing' || undefined}
      onClick={() => onOpen(alert)}
    >
      <StateMark
        state={alert.recoveringSince !== null && alert.state === 'firing' ? 'recovering' : alert.state}
      />
      <div className={styles.what}>
        <span className={styles.head}>
          <button
            type="button"
            className={styles.name}
            aria-label={a.open(alert.name)}
            aria-current={selected || undefined}
            onClick={(event) => {
              event.stopPropagation()
              onOpen(alert)
            }}
          >
            {alert.name === '' ? '–' : alert.name}
          </button>
          <LabelChips labels={alert.labels} without={hidden} line onFilter={onFilter} />
        </span>
        <span className={`${styles.summary} clip`}>{summary}</span>
      </div>
      <div className={styles.facts}>
        <span title={dateTimeText(alert.since, zone)}>
          {alert.state === 'resolved' ? a.ended(since) : a.since(since)}
        </span>
        <span className="muted clip">
          {alert.value === null || Number.isNaN(alert.value) ? '' : significant(alert.value, 4)}
          {alert.receivers.length > 0 && ` → ${alert.receivers.join(', ')}`}
        </span>
      </div>
      {alert.state !== 'resolved' && (
        <ActionIcon
          className={styles.silence}
          size="md"
          title={a.detail.silence}
          aria-label={`${a.detail.silence}: ${alert.name}`}
          onClick={(event) => {
            event.stopPropagation()
            onSilence(alert)
          }}
        >
          <IconBellOff size={16} stroke={1.6} />
        </ActionIcon>
      )}
    </div>
  )
})
