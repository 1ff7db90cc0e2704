import { Button, SegmentedControl, TextInput } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { IconArrowLeft, IconEraser } from '@tabler/icons-react'
import { keepPreviousData, useQuery, useQueryClient } from '@tanstack/react-query'
import { useEffect, useMemo, useState } from 'react'
import { ApiError } from '@/api/http'
import { tryRule, type RuleText, type RuleTrial } from '@/api/ruleTrial'
import { CodeEditor } from '@/components/editor/CodeEditor'
import { markOf, QueryError } from '@/components/QueryError'
import { useMessages } from '@/i18n'
import { ms } from '@/lib/brand'
import { parseDuration } from '@/lib/duration'
import { mistakeIn } from '@/lib/serverError'
import { chooseStep } from '@/lib/step'
import { promqlExtension } from '@/components/editor/promqlExtension'
import { logqlExtension } from '@/pages/logs/logqlExtension'
import { traceqlExtension } from '@/pages/traces/traceqlExtension'
import { ruleDraft } from '@/state/ruleDraft'
import { stored } from '@/state/stored'
import { useTimeState } from '@/state/timeSearch'
import { PairsEditor } from './PairsEditor'
import styles from './RuleEditor.module.css'
import { RuleFilePanel } from './RuleFilePanel'
import { TrialResults } from './TrialResults'
import { alertsKey } from './useAlerts'

const windows = ['1h', '6h', '24h', '7d'] as const
type Window = (typeof windows)[number]

const windowChoice = stored<Window>('rule-window', (raw) => windows.find((known) => known === raw) ?? '6h')

const restMs = 350
/** The present moves on; what a rule gives now is asked for again this often. */
const periodMs = 10_000
const steps = 400

const beginning: RuleText = {
  language: 'promql',
  range: '',
  alert: '',
  expr: '',
  for: '5m',
  keep_firing_for: '',
  labels: { severity: 'warning' },
  annotations: { summary: '' },
}

/** An alerting rule that is written, and what it would do. */
export function RuleEditor({ onClose }: { readonly onClose: () => void }) {
  const e = useMessages('alerts').alerts.editor
  const draft = ruleDraft.use() ?? beginning
  const window = windowChoice.use()
  const [settled] = useDebouncedValue(draft, restMs)
  const { refresh } = useTimeState()
  // Pairs being written may have no name yet, or one twice: they are kept beside the draft.
  const [version, setVersion] = useState(0)
  const set = (change: Partial<RuleText>) => ruleDraft.set({ ...draft, ...change })
  const spanMs = parseDuration(window) ?? ms(0)
  const stepMs = chooseStep(spanMs, steps)
  const written = settled.expr.trim() !== ''
  const tried = useQuery({
    queryKey: [alertsKey, 'trial', settled, window],
    enabled: written,
    placeholderData: keepPreviousData,
    structuralSharing: false,
    retry: false,
    queryFn: ({ signal }) => {
      const end = Math.floor(Date.now() / 1000) * 1000
      const rule = { ...settled, alert: settled.alert.trim() === '' ? 'Unnamed' : settled.alert.trim() }
      return tryRule(rule, { start: end - spanMs, end, stepMs }, signal)
    },
    refetchInterval: refresh === 'off' ? false : periodMs,
  })
  // A mistake does not take away what one was looking at.
  const [good, setGood] = useState<RuleTrial | null>(null)
  useEffect(() => {
    if (tried.data !== undefined) setGood(tried.data)
  }, [tried.data])
  const shown = tried.data ?? good
  const error = written ? tried.error : null
  const told = error instanceof ApiError && error.mistake !== null
  const mistake = error !== null && told ? mistakeIn(error, settled.expr) : null
  const client = useQueryClient()
  const language = useMemo(() => {
    const recent = () => ({ from: Date.now() - spanMs, to: Date.now() })
    if (draft.language === 'logql') return logqlExtension(client, recent)
    return draft.language === 'traceql' ? traceqlExtension(client, recent) : promqlExtension(client)
  }, [client, draft.language, spanMs])
  const message = error === null ? '' : error.message.replace(/^invalid parameter "expr":\s*/, '')
  return (
    <div className={styles.page}>
      <header className={styles.head}>
        <Button variant="subtle" color="gray" leftSection={<IconArrowLeft size={15} />} onClick={onClose}>
          {e.close}
        </Button>
        <h2>{e.title}</h2>
        <Button
          variant="subtle"
          color="gray"
          leftSection={<IconEraser size={15} />}
          onClick={() => {
            ruleDraft.set(null)
            setVersion(version + 1)
          }}
        >
          {e.reset}
        </Button>
      </header>
      <p className={styles.lead}>{e.lead}</p>
      <div className={styles.bench}>
        <section className={styles.form} aria-label={e.title}>
          <TextInput
            label={e.name}
            placeholder={e.namePlaceholder}
            value={draft.alert}
            spellCheck={false}
            onChange={(event) => set({ alert: event.currentTarget.value })}
          />
          <div className={styles.expr}>
            <span className={styles.label}>{e.expr}</span>
            <SegmentedControl
              size="xs"
              aria-label={e.language}
              value={draft.language}
              onChange={(next) => set({ language: next })}
              data={(['promql', 'logql', 'traceql'] as const).map((value) => ({
                value,
                label: e.languages[value],
              }))}
            />
            <div className={styles.field} data-main-input data-error={error !== null || undefined}>
              <CodeEditor
                key={draft.language}
                language={language}
                value={draft.expr}
                onChange={(expr) => set({ expr })}
                onRun={() => void tried.refetch()}
                label={e.expr}
                hint={e.exprHints[draft.language]}
                error={mistake !== null && draft.expr === settled.expr ? markOf(mistake, draft.expr) : null}
                handle={null}
              />
            </div>
            {error !== null && <QueryError message={message} text={settled.expr} mistake={mistake} />}
          </div>
          {draft.language === 'traceql' && (
            <TextInput
              label={e.range}
              description={e.rangeHelp}
              placeholder="5m"
              value={draft.range}
              spellCheck={false}
              onChange={(event) => set({ range: event.currentTarget.value })}
            />
          )}
          <div className={styles.times}>
            <TextInput
              label={e.for}
              description={e.forHelp}
              placeholder="5m"
              value={draft.for}
              spellCheck={false}
              onChange={(event) => set({ for: event.currentTarget.value })}
            />
            <TextInput
              label={e.keep}
              description={e.keepHelp}
              placeholder="0s"
              value={draft.keep_firing_for}
              spellCheck={false}
              onChange={(event) => set({ keep_firing_for: event.currentTarget.value })}
            />
          </div>
          <PairsEditor
            key={`labels ${version}`}
            title={e.labels}
            add={e.addLabel}
            pairs={draft.labels}
            onPairs={(labels) => set({ labels })}
          />
          <PairsEditor
            key={`annotations ${version}`}
            title={e.annotations}
            add={e.addAnnotation}
            pairs={draft.annotations}
            onPairs={(annotations) => set({ annotations })}
            tall
          />
          <p className={styles.hint}>{e.templates}</p>
        </section>
        <section className={styles.results} aria-label={e.over}>
          <header>
            <span className={styles.label}>{e.window}</span>
            <SegmentedControl
              size="xs"
              aria-label={e.window}
              value={window}
              onChange={(next) => windowChoice.set(next)}
              data={[...windows]}
            />
            <span className="muted">{tried.isFetching && shown === null && e.running}</span>
          </header>
          {!written ? (
            <p className="muted">{e.nothing}</p>
          ) : (
            shown !== null && <TrialResults trial={shown} stale={error !== null} forText={settled.for} />
          )}
        </section>
      </div>
      {written && error === null && <RuleFilePanel rule={settled} />}
    </div>
  )
}
