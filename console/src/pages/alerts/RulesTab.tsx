import { Button, SegmentedControl, Skeleton, TextInput } from '@mantine/core'
import { IconFlask } from '@tabler/icons-react'
import { getRouteApi } from '@tanstack/react-router'
import { useMemo } from 'react'
import { ruleGroups } from '@/api/alerting'
import { ApiError } from '@/api/http'
import { useMessages } from '@/i18n'
import { formatCount } from '@/lib/units'
import { ruleStates, type AlertsSearch, type RuleFilter } from '@/state/alertTabs'
import { NobodyWatches } from './NobodyWatches'
import { ErrorNote } from './parts'
import { RuleDetail } from './RuleDetail'
import { RuleEditor } from './RuleEditor'
import { placedRules, ruleId, type PlacedRule } from './ruleId'
import { RuleList } from './RuleList'
import styles from './RulesTab.module.css'
import { useScreenKeys } from '@/components/useScreenKeys'
import { useCurrent, useRefreshByHand } from './useAlerts'

const route = getRouteApi('/alerts')

/** How a rule is counted: one that fails is nothing else. */
export const filterOf = ({ rule }: PlacedRule): RuleFilter =>
  rule.health === 'err'
    ? 'failing'
    : rule.state === 'firing' || rule.state === 'pending'
      ? rule.state
      : 'inactive'

function textOf({ rule, group }: PlacedRule): string {
  const labels = Object.entries(rule.labels).map(([name, value]) => `${name}="${value}"`)
  return `${rule.name}\n${rule.query}\n${group.name}\n${group.file}\n${labels.join(' ')}\n${rule.lastError}`.toLowerCase()
}

/** The rules that watch, whether they can, and where one is tried. */
export function RulesTab() {
  const a = useMessages('alerts').alerts
  const r = a.rules
  const search = route.useSearch()
  const { filter = '', health } = search
  const navigate = route.useNavigate()
  useRefreshByHand()
  const found = useCurrent(['rules'], (signal) => ruleGroups({ alerts: false }, signal))
  const set = (change: AlertsSearch) =>
    void navigate({ search: (old) => ({ ...old, ...change }), replace: true, resetScroll: false })
  const groups = useMemo(() => found.data ?? [], [found.data])
  const all = useMemo(() => placedRules(groups), [groups])
  const searching = filter.trim() !== ''
  const texts = useMemo(() => (searching ? all.map(textOf) : []), [all, searching])
  const matching = useMemo(() => {
    const words = filter.toLowerCase().split(/\s+/).filter(Boolean)
    return words.length === 0 ? all : all.filter((_, at) => words.every((word) => texts[at]?.includes(word)))
  }, [all, texts, filter])
  const shown = useMemo(
    () => matching.filter((rule) => health === undefined || filterOf(rule) === health),
    [matching, health],
  )
  const selected = all.find((rule) => ruleId(rule) === search.rule)
  useScreenKeys((key) => {
    const at = shown.findIndex((rule) => ruleId(rule) === search.rule)
    const step = (by: number) => {
      const next = shown[at < 0 ? 0 : Math.min(Math.max(at + by, 0), shown.length - 1)]
      if (next !== undefined) set({ rule: ruleId(next) })
      return true
    }
    if (search.edit !== undefined) return false
    if (key === 'j') return step(1)
    if (key === 'k') return step(-1)
    if (key === 'n') {
      set({ edit: '1' })
      return true
    }
    if (key !== 'x' && key !== 'Escape') return false
    set({ rule: undefined })
    return search.rule !== undefined
  })

  if (search.edit !== undefined) return <RuleEditor onClose={() => set({ edit: undefined })} />
  if (found.data === undefined) {
    if (found.error === null) return <Skeleton height={220} />
    const missing = found.error instanceof ApiError && found.error.kind === 'missing'
    return <ErrorNote text={missing ? a.unknown : found.error.message} />
  }
  if (all.length === 0 && groups.length === 0) return <NobodyWatches />
  const count = (state: RuleFilter) => matching.filter((rule) => filterOf(rule) === state).length
  return (
    <>
      <div className={styles.tools}>
        <TextInput
          data-main-input
          className={styles.filter}
          placeholder={r.search}
          aria-label={r.searchLabel}
          value={filter}
          spellCheck={false}
          onChange={(event) => set({ filter: event.currentTarget.value || undefined })}
        />
        <SegmentedControl
          size="xs"
          aria-label={r.stateLabel}
          className={styles.states}
          value={health ?? 'all'}
          onChange={(value) => set({ health: ruleStates.find((state) => state === value) })}
          data={[
            { value: 'all', label: formatCount(matching.length) },
            ...ruleStates.map((state) => ({
              value: state,
              label: `${a.state[state]} ${formatCount(count(state))}`,
            })),
          ]}
        />
        <span className={styles.summary}>
          {r.summary(formatCount(all.length), formatCount(groups.length))}
        </span>
        <Button leftSection={<IconFlask size={15} />} onClick={() => set({ edit: '1' })}>
          {r.trial}
        </Button>
      </div>
      <div className={styles.split} data-open={search.rule !== undefined || undefined}>
        <div className={styles.list}>
          {shown.length === 0 ? (
            <p className="muted">{r.noMatch}</p>
          ) : (
            <RuleList
              rules={shown}
              selected={search.rule ?? null}
              onOpen={(rule) => set({ rule: ruleId(rule) })}
            />
          )}
        </div>
        {search.rule !== undefined && (
          <RuleDetail
            key={search.rule}
            placed={selected}
            onClose={() => set({ rule: undefined })}
            onEdit={() => set({ edit: '1' })}
          />
        )}
      </div>
    </>
  )
}
