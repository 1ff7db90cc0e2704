import { Button, SegmentedControl, Skeleton, TextInput } from '@mantine/core'
import { IconBellOff, IconPlus } from '@tabler/icons-react'
import { useQueryClient } from '@tanstack/react-query'
import { getRouteApi } from '@tanstack/react-router'
import { useMemo, useState } from 'react'
import { expireSilence, silences, toldAlerts, type Silence, type ToldAlert } from '@/api/alerting'
import { Message } from '@/components/Message'
import { WindowList } from '@/components/WindowList'
import { useMessages } from '@/i18n'
import { formatUptime } from '@/lib/ago'
import { matchersText, matcherTest, matcherText } from '@/lib/alertMatchers'
import { dateTimeText } from '@/lib/clockText'
import { formatCount } from '@/lib/units'
import type { AlertsSearch } from '@/state/alertTabs'
import { useNow } from '@/state/live'
import { useTimeState } from '@/state/timeSearch'
import { say } from '@/state/toasts'
import { ErrorNote } from './parts'
import { SilenceForm, type SilenceBeginning } from './SilenceForm'
import styles from './SilencesTab.module.css'
import { useScreenKeys } from '@/components/useScreenKeys'
import { alertsKey, useCurrent, useRefreshByHand } from './useAlerts'

const route = getRouteApi('/alerts')

const kinds = ['active', 'pending', 'expired'] as const
const rowHeight = 74

const itemKey = (silence: Silence): string => silence.id
const size = (): number => rowHeight

const textOf = (silence: Silence): string =>
  `${silence.id} ${matchersText(silence.matchers)} ${silence.comment} ${silence.createdBy}`.toLowerCase()

/** What is kept quiet, by whom, and for how long. */
export function SilencesTab() {
  const s = useMessages('alerts').alerts.silences
  const search = route.useSearch()
  const { filter = '', silences: kind = 'active' } = search
  const navigate = route.useNavigate()
  const client = useQueryClient()
  useRefreshByHand()
  const found = useCurrent(['silences'], silences)
  const told = useCurrent(['told'], toldAlerts, { slowest: 5000 })
  const [editing, setEditing] = useState<SilenceBeginning | null>(null)
  const set = (change: AlertsSearch) =>
    void navigate({ search: (old) => ({ ...old, ...change }), replace: true, resetScroll: false })
  const matching = useMemo(() => {
    const words = filter.toLowerCase().split(/\s+/).filter(Boolean)
    return (found.data ?? []).filter((silence) => {
      const text = textOf(silence)
      return words.every((word) => text.includes(word))
    })
  }, [found.data, filter])
  // Someone who looks for one silence finds it whatever its state.
  const one = matching.length === 1 && filter !== '' ? matching[0]?.state : undefined
  const shownKind = search.silences === undefined ? (one ?? kind) : kind
  const shown = useMemo(() => matching.filter(({ state }) => state === shownKind), [matching, shownKind])
  const open = () => set({ silence: '' })
  useScreenKeys((key) => {
    if (key !== 'n') return false
    open()
    return true
  })
  const refresh = () => void client.invalidateQueries({ queryKey: [alertsKey] })
  const close = () => {
    setEditing(null)
    set({ silence: undefined })
  }
  const form = editing ?? (search.silence === undefined ? null : { text: search.silence })

  return (
    <>
      <div className={styles.tools}>
        <TextInput
          data-main-input
          className={styles.filter}
          placeholder={s.filter}
          aria-label={s.filter}
          value={filter}
          spellCheck={false}
          onChange={(event) => set({ filter: event.currentTarget.value || undefined })}
        />
        <SegmentedControl
          size="xs"
          aria-label={s.stateLabel}
          value={shownKind}
          onChange={(next) => set({ silences: kinds.find((known) => known === next) })}
          data={kinds.map((known) => ({
            value: known,
            label: `${s[known]} ${formatCount(matching.filter(({ state }) => state === known).length)}`,
          }))}
        />
        <Button className={styles.new} leftSection={<IconPlus size={15} />} onClick={open}>
          {s.new}
        </Button>
      </div>
      {form !== null && (
        <SilenceForm
          key={form.silence?.id ?? form.text ?? ''}
          beginning={form}
          onClose={close}
          onSaved={() => {
            close()
            set({ silence: undefined, silences: undefined, filter: undefined })
            refresh()
          }}
        />
      )}
      {found.data === undefined ? (
        found.error === null ? (
          <Skeleton height={180} />
        ) : (
          <ErrorNote text={found.error.message} />
        )
      ) : found.data.length === 0 ? (
        <Message
          icon={<IconBellOff size={44} stroke={1.3} />}
          title={s.empty}
          actions={<Button onClick={open}>{s.new}</Button>}
        >
          {s.emptyHint}
        </Message>
      ) : shown.length === 0 ? (
        <p className="muted">{s.noMatch}</p>
      ) : (
        <WindowList label={s[shownKind]} items={shown} itemKey={itemKey} size={size} chosen={null}>
          {(silence) => (
            <SilenceRow
              silence={silence}
              told={told.data}
              onEdit={() => setEditing({ silence })}
              onEnded={refresh}
            />
          )}
        </WindowList>
      )}
    </>
  )
}

interface SilenceRowProps {
  readonly silence: Silence
  /** The alerts of now. */
  readonly told: readonly ToldAlert[] | undefined
  readonly onEdit: () => void
  readonly onEnded: () => void
}

function SilenceRow({ silence, told, onEdit, onEnded }: SilenceRowProps) {
  const t = useMessages('alerts')
  const s = t.alerts.silences
  const { zone } = useTimeState()
  const now = useNow()
  const [sure, setSure] = useState(false)
  const affected = useMemo(() => {
    if (told === undefined || silence.state === 'expired') return null
    const test = matcherTest(silence.matchers)
    return told.filter(({ labels }) => test(labels)).length
  }, [told, silence])
  const span = (until: number) => formatUptime(Math.abs(until - now) / 1000, t.locale)
  const rest =
    silence.state === 'active'
      ? s.ends(span(silence.endsAt))
      : silence.state === 'pending'
        ? s.starts(span(silence.startsAt))
        : s.ended(span(silence.endsAt))
  const end = async () => {
    if (!sure) {
      setSure(true)
      return
    }
    try {
      await expireSilence(silence.id)
      say(s.expired_done)
      onEnded()
    } catch (cause) {
      say(cause instanceof Error ? cause.message : String(cause), 'bad')
    }
    setSure(false)
  }
  return (
    <article className={styles.row} data-state={silence.state}>
      <div className={styles.what}>
        <ul className={styles.matchers}>
          {silence.matchers.map((matcher) => (
            <li key={matcherText(matcher)} title={matcherText(matcher)}>
              {matcherText(matcher)}
            </li>
          ))}
        </ul>
        <span className={`${styles.comment} clip`} title={silence.comment}>
          {silence.comment} <span className="muted">{s.by(silence.createdBy)}</span>
        </span>
      </div>
      <div
        className={styles.facts}
        title={`${dateTimeText(silence.startsAt, zone)} – ${dateTimeText(silence.endsAt, zone)}`}
      >
        <b>{rest}</b>
        {affected !== null && (
          <span className="muted">{affected === 0 ? s.affectedNone : s.affected(formatCount(affected))}</span>
        )}
      </div>
      <div className={styles.actions}>
        <Button variant="default" onClick={onEdit}>
          {silence.state === 'expired' ? s.again : s.edit}
        </Button>
        {silence.state !== 'expired' && (
          <Button
            variant={sure ? 'filled' : 'default'}
            {...(sure ? { color: 'red' } : {})}
            onClick={() => void end()}
            onBlur={() => setSure(false)}
          >
            {sure ? s.confirm : s.expire}
          </Button>
        )}
      </div>
    </article>
  )
}
