import { Button, TextInput } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { previewSilence, saveSilence, type Matcher, type Silence } from '@/api/alerting'
import { LabelList } from '@/components/LabelList'
import { useMessages } from '@/i18n'
import { equality, matcherTest, parseMatchers } from '@/lib/alertMatchers'
import { epochMs } from '@/lib/brand'
import { dateTimeText } from '@/lib/clockText'
import { parseDuration } from '@/lib/duration'
import { parseTimePoint } from '@/lib/time'
import { formatCount } from '@/lib/units'
import { author } from '@/state/author'
import { stored } from '@/state/stored'
import { useTimeState } from '@/state/timeSearch'
import { say } from '@/state/toasts'
import { MatcherEditor } from './MatcherEditor'
import { ErrorNote } from './parts'
import styles from './SilenceForm.module.css'
import { alertsKey } from './useAlerts'

export interface SilenceBeginning {
  /** Conditions as text, of a new one. */
  readonly text?: string | undefined
  /** The one that is changed; an expired one is begun anew. */
  readonly silence?: Silence | undefined
}

interface SilenceFormProps {
  readonly beginning: SilenceBeginning
  readonly onClose: () => void
  readonly onSaved: () => void
}

const lastComment = stored<string>('silence-comment', (raw) => (typeof raw === 'string' ? raw : ''))

const durations = ['30m', '1h', '2h', '4h', '8h', '1d', '3d', '1w'] as const
const usual = '2h'
const restMs = 250
const shownMax = 12

const matchersOf = ({ text, silence }: SilenceBeginning): readonly Matcher[] => {
  if (silence !== undefined) return silence.matchers
  const parsed = parseMatchers(text ?? '')
  return 'matchers' in parsed && parsed.matchers.length > 0 ? parsed.matchers : [equality('', '')]
}

/** One silence, new or changed: which alerts, for how long, and why. */
export function SilenceForm({ beginning, onClose, onSaved }: SilenceFormProps) {
  const t = useMessages('alerts')
  const s = t.alerts.silences
  const { zone } = useTimeState()
  const { silence } = beginning
  const changed = silence !== undefined && silence.state !== 'expired'
  const [matchers, setMatchers] = useState(() => matchersOf(beginning))
  const [from, setFrom] = useState(() =>
    changed && silence.state === 'pending' ? dateTimeText(silence.startsAt, zone) : '',
  )
  const [until, setUntil] = useState<string>(() => (changed ? dateTimeText(silence.endsAt, zone) : usual))
  const [comment, setComment] = useState(silence?.comment ?? lastComment.get())
  const [who, setWho] = useState(() => author.get() || (silence?.createdBy ?? ''))
  const [busy, setBusy] = useState(false)
  const [tried, setTried] = useState(false)
  const [refused, setRefused] = useState<string | null>(null)

  const pointOf = (text: string, start: number): number | null => {
    const span = parseDuration(text.trim())
    if (span !== null) return start + span
    const point = parseTimePoint(text, zone)
    return point?.kind === 'absolute' ? point.at : null
  }
  const moments = () => {
    const now = Date.now()
    const begins =
      changed && silence.state === 'active' ? silence.startsAt : from.trim() === '' ? now : pointOf(from, now)
    const ends = pointOf(until, Math.max(begins ?? now, now))
    return { begins, ends, now }
  }
  const named = matchers.filter(({ name }) => name !== '')
  const broad = named.length > 0 && matcherTest(named)({})
  const problem = (): string | null => {
    const { begins, ends, now } = moments()
    if (named.length === 0) return s.needMatcher
    if (broad) return s.broad
    if (begins === null || ends === null || ends <= begins || ends <= now) return s.order
    if (who.trim() === '') return s.needAuthor
    return comment.trim() === '' ? s.needComment : null
  }
  const save = async () => {
    setTried(true)
    const { begins, ends } = moments()
    if (problem() !== null || begins === null || ends === null) return
    setBusy(true)
    setRefused(null)
    try {
      author.set(who.trim())
      lastComment.set(comment.trim())
      await saveSilence({
        ...(changed ? { id: silence.id } : {}),
        matchers: named,
        startsAt: begins,
        endsAt: ends,
        createdBy: who.trim(),
        comment: comment.trim(),
      })
      say(changed ? s.changed : s.created)
      onSaved()
    } catch (cause) {
      setRefused(cause instanceof Error ? cause.message : String(cause))
      setBusy(false)
    }
  }
  const { ends } = moments()
  const wrong = tried ? problem() : null
  return (
    <form
      className={styles.form}
      aria-label={s.form}
      onSubmit={(event) => {
        event.preventDefault()
        void save()
      }}
      onKeyDown={(event) => {
        if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) {
          event.preventDefault()
          void save()
        }
        if (event.key === 'Escape' && !event.defaultPrevented) onClose()
      }}
    >
      <h2>{changed ? s.formEdit : s.formNew}</h2>
      <div className={styles.columns}>
        <div className={styles.column}>
          <MatcherEditor matchers={matchers} onMatchers={setMatchers} />
          <fieldset className={styles.when}>
            <legend>{s.duration}</legend>
            <div className={styles.durations}>
              {durations.map((duration) => (
                <button
                  key={duration}
                  type="button"
                  aria-pressed={until === duration}
                  onClick={() => setUntil(duration)}
                >
                  {duration}
                </button>
              ))}
            </div>
            <div className={styles.times}>
              <TextInput
                label={s.from}
                placeholder={s.now}
                value={changed && silence.state === 'active' ? dateTimeText(silence.startsAt, zone) : from}
                disabled={changed && silence.state === 'active'}
                spellCheck={false}
                onChange={(event) => setFrom(event.currentTarget.value)}
              />
              <TextInput
                label={s.until}
                value={until}
                spellCheck={false}
                description={ends === null ? undefined : dateTimeText(epochMs(ends), zone)}
                inputWrapperOrder={['label', 'input', 'description']}
                onChange={(event) => setUntil(event.currentTarget.value)}
              />
            </div>
          </fieldset>
          <div className={styles.times}>
            <TextInput
              label={s.comment}
              autoFocus={beginning.text !== ''}
              placeholder={s.commentHint}
              value={comment}
              onChange={(event) => setComment(event.currentTarget.value)}
            />
            <TextInput label={s.author} value={who} onChange={(event) => setWho(event.currentTarget.value)} />
          </div>
          {wrong !== null && <ErrorNote text={wrong} />}
          {refused !== null && <ErrorNote text={refused} />}
          <div className={styles.actions}>
            <Button type="submit" loading={busy} title={s.submitHint}>
              {changed ? s.saveEdit : s.save}
            </Button>
            <Button variant="default" onClick={onClose}>
              {s.cancel}
            </Button>
          </div>
        </div>
        <Preview matchers={named} />
      </div>
    </form>
  )
}

/** The alerts of now that would become quiet. */
function Preview({ matchers }: { readonly matchers: readonly Matcher[] }) {
  const s = useMessages('alerts').alerts.silences
  const [asked] = useDebouncedValue(matchers, restMs)
  const found = useQuery({
    queryKey: [alertsKey, 'preview', asked],
    enabled: asked.length > 0,
    placeholderData: keepPreviousData,
    retry: false,
    queryFn: ({ signal }) => previewSilence(asked, signal),
  })
  if (found.error !== null) return <ErrorNote text={found.error.message} />
  const preview = found.data
  return (
    <section className={styles.preview} aria-live="polite" aria-label={s.matchers}>
      {preview !== undefined && asked.length > 0 && (
        <>
          <h3>{preview.count === 0 ? s.previewNone : s.preview(formatCount(preview.count))}</h3>
          <ul>
            {preview.alerts.slice(0, shownMax).map(({ fingerprint, labels }) => (
              <li key={fingerprint}>
                <LabelList labels={labels} />
              </li>
            ))}
          </ul>
          {preview.count > shownMax && (
            <p className="muted">{s.previewMore(formatCount(preview.count - shownMax))}</p>
          )}
        </>
      )}
    </section>
  )
}
