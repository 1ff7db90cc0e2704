import { Autocomplete, Button, Skeleton, TextInput } from '@mantine/core'
import { IconMoodSmile, IconZoomExclamation } from '@tabler/icons-react'
import { getRouteApi } from '@tanstack/react-router'
import { useMemo } from 'react'
import { ruleGroups } from '@/api/alerting'
import { ApiError } from '@/api/http'
import { Message } from '@/components/Message'
import { useMessages } from '@/i18n'
import { equality, toggleMatcher } from '@/lib/alertMatchers'
import {
  alertFilter,
  alertStates,
  countStates,
  groupAlerts,
  usualStates,
  type Alert,
  type AlertState,
} from '@/lib/alerts'
import { formatCount } from '@/lib/units'
import type { AlertsSearch } from '@/state/alertTabs'
import { AlertDetail } from './AlertDetail'
import { AlertList } from './AlertList'
import styles from './AlertsTab.module.css'
import { NobodyWatches } from './NobodyWatches'
import { ErrorNote, toneOf } from './parts'
import { useAlertKeys } from './useAlertKeys'
import { useAlerts, useCurrent } from './useAlerts'
import { useSilenceThis } from './useSilenceThis'

const route = getRouteApi('/alerts')

/** Names that groups are offered by; those of alerts come after. */
const groupings = ['severity', 'alertname', 'state', 'none'] as const

/** What fires now, and everything about one of it. */
export function AlertsTab() {
  const a = useMessages('alerts').alerts
  const search = route.useSearch()
  const { filter = '', by = 'severity' } = search
  const navigate = route.useNavigate()
  const { alerts, error } = useAlerts()
  const set = (change: AlertsSearch) =>
    void navigate({ search: (old) => ({ ...old, ...change }), replace: true, resetScroll: false })

  const states = useMemo(() => new Set(search.state ?? usualStates), [search.state])
  const passing = useMemo(() => alertFilter(filter), [filter])
  const filtered = useMemo(() => (alerts ?? []).filter(passing.test), [alerts, passing])
  const counts = useMemo(() => countStates(filtered), [filtered])
  const groups = useMemo(
    () =>
      groupAlerts(
        filtered.filter(({ state }) => states.has(state)),
        by === 'none' ? '' : by,
      ),
    [filtered, states, by],
  )
  const flat = useMemo(() => groups.flatMap((group) => group.alerts), [groups])
  const selected = search.alert === undefined ? undefined : alerts?.find(({ key }) => key === search.alert)
  const labelNames = useMemo(() => {
    const names = new Set<string>(groupings)
    for (const { labels } of filtered.slice(0, 2000)) for (const name of Object.keys(labels)) names.add(name)
    return [...names]
  }, [filtered])

  const onFilter = (name: string, value: string, isEqual: boolean) =>
    set({ filter: toggleMatcher(filter, { ...equality(name, value), isEqual }) || undefined })
  const onOpen = (alert: Alert) => set({ alert: alert.key })
  const silence = useSilenceThis()
  const explore = (alert: Alert) =>
    void navigate({ to: '/explore', search: { q: [`ALERTS{alertname=${JSON.stringify(alert.name)}}`] } })
  useAlertKeys({
    alerts: flat,
    selected: search.alert ?? null,
    onOpen,
    onClose: () => set({ alert: undefined }),
    onSilence: silence,
    onExplore: explore,
  })

  if (alerts === undefined) {
    if (error === null) return <Skeleton height={220} />
    return (
      <ErrorNote text={error instanceof ApiError && error.kind === 'missing' ? a.unknown : error.message} />
    )
  }
  const toggle = (state: AlertState) => {
    const next = alertStates.filter((known) => states.has(known) !== (known === state))
    const usual = next.length === usualStates.length && usualStates.every((known) => next.includes(known))
    set({ state: usual || next.length === 0 ? undefined : next })
  }
  const narrowedOut = filtered.length < alerts.length
  return (
    <>
      <div className={styles.tools}>
        <TextInput
          data-main-input
          className={styles.filter}
          placeholder={a.filter}
          aria-label={a.filterLabel}
          value={filter}
          spellCheck={false}
          error={passing.mistake === null ? undefined : a.mistake[passing.mistake]}
          onChange={(event) => set({ filter: event.currentTarget.value || undefined })}
        />
        <div className={styles.states} role="group" aria-label={a.tabs.alerts}>
          {alertStates.map((state) => (
            <button
              key={state}
              type="button"
              className={styles.chip}
              style={toneOf(state)}
              aria-pressed={states.has(state)}
              data-some={counts[state] > 0 || undefined}
              title={a.stateHelp[state]}
              onClick={() => toggle(state)}
            >
              {a.state[state]} <b>{formatCount(counts[state])}</b>
            </button>
          ))}
        </div>
        <label className={styles.by}>
          <span>{a.groupBy}</span>
          <Autocomplete
            size="xs"
            data={labelNames}
            limit={40}
            defaultValue={by}
            key={by}
            spellCheck={false}
            onOptionSubmit={(name) => set({ by: name === 'severity' ? undefined : name })}
            onKeyDown={(event) => {
              if (event.key === 'Enter') set({ by: event.currentTarget.value.trim() || undefined })
            }}
          />
        </label>
      </div>
      <div
        className={styles.split}
        data-open={selected !== undefined || search.alert !== undefined || undefined}
      >
        <div className={styles.list}>
          {flat.length > 0 ? (
            <AlertList
              groups={groups}
              by={by}
              selected={search.alert ?? null}
              onOpen={onOpen}
              onFilter={onFilter}
              onSilence={silence}
            />
          ) : alerts.length === 0 || !narrowedOut ? (
            <Quiet hidden={filtered.length} onShowAll={() => set({ state: [...alertStates] })} />
          ) : (
            <Message
              icon={<IconZoomExclamation size={40} stroke={1.3} />}
              title={a.noMatch}
              actions={
                <>
                  <Button variant="default" onClick={() => set({ filter: undefined })}>
                    {a.clearFilter}
                  </Button>
                  {filtered.length > 0 && (
                    <Button variant="default" onClick={() => set({ state: [...alertStates] })}>
                      {a.showAll}
                    </Button>
                  )}
                </>
              }
            >
              {a.noMatchHint(formatCount(alerts.length))}
            </Message>
          )}
        </div>
        {search.alert !== undefined && (
          <AlertDetail
            key={search.alert}
            alert={selected}
            onClose={() => set({ alert: undefined })}
            onFilter={onFilter}
            onSilence={silence}
          />
        )}
      </div>
    </>
  )
}

interface QuietProps {
  /** Alerts in states that are not shown. */
  readonly hidden: number
  readonly onShowAll: () => void
}

/** Nothing fires: because all is well, or because nobody watches. */
function Quiet({ hidden, onShowAll }: QuietProps) {
  const a = useMessages('alerts').alerts
  const rules = useCurrent(['rules'], (signal) => ruleGroups({ alerts: false }, signal), { slowest: 10_000 })
  const count = (rules.data ?? [])
    .flatMap((group) => group.rules)
    .filter(({ type }) => type === 'alerting').length
  if (rules.data === undefined) return <Skeleton height={160} />
  if (count === 0 && hidden === 0) return <NobodyWatches />
  return (
    <Message
      icon={<IconMoodSmile size={44} stroke={1.3} />}
      title={a.quiet}
      actions={
        hidden > 0 && (
          <Button variant="default" onClick={onShowAll}>
            {a.showAll} ({formatCount(hidden)})
          </Button>
        )
      }
    >
      {count > 0 && a.quietHint(count)}
    </Message>
  )
}
