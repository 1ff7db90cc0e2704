import { Autocomplete, Button, Textarea, TextInput } from '@mantine/core'
import { IconDownload } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { logLabelValues, queryLines } from '@/api/logs'
import { useMessages } from '@/i18n'
import { linesOf } from '@/lib/logLine'
import { asQuery, streamSelector } from '@/lib/logql/edit'
import { nanosOf } from '@/lib/nanos'
import { labelsText, sampleOf } from '@/lib/pipelineSample'
import { pipelineSample, type Sample } from '@/state/pipelineDraft'
import { say } from '@/state/toasts'
import styles from './SamplePanel.module.css'
import { linesMax } from './useTrial'

interface SamplePanelProps {
  readonly sample: Sample
  readonly more: boolean
}

const taken = 20
const dayMs = 86_400_000

/** The lines a pipeline is tried on: pasted, or taken from a stream. */
export function SamplePanel({ sample, more }: SamplePanelProps) {
  const p = useMessages('pipelines').pipelines
  const set = (change: Partial<Sample>) => pipelineSample.set({ ...sample, ...change })
  return (
    <section className={styles.panel} aria-label={p.sample}>
      <h2>{p.sample}</h2>
      <StreamPicker sample={sample} />
      <Textarea
        className={styles.lines}
        aria-label={p.sampleLabel}
        placeholder={p.sampleHint}
        value={sample.text}
        onChange={(event) => set({ text: event.currentTarget.value })}
        autosize
        minRows={5}
        maxRows={14}
        spellCheck={false}
        wrap="off"
      />
      <p className="muted">
        {p.breaks} {more && <b>{p.tooMany(linesMax)}</b>}
      </p>
      <TextInput
        label={p.labels}
        description={p.labelsHelp}
        placeholder={p.labelsHint}
        value={sample.labels}
        onChange={(event) => set({ labels: event.currentTarget.value })}
        spellCheck={false}
      />
    </section>
  )
}

function StreamPicker({ sample }: Omit<SamplePanelProps, 'more'>) {
  const p = useMessages('pipelines').pipelines
  const [query, setQuery] = useState('')
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<string | null>(null)
  const services = useQuery({
    queryKey: ['pipeline-streams'],
    staleTime: 30_000,
    retry: false,
    queryFn: ({ signal }) => {
      const to = Date.now()
      return logLabelValues('service_name', undefined, { from: to - dayMs, to }, signal)
    },
  })
  const known = (services.data ?? []).map((name) => streamSelector({ service_name: name }))
  const take = async () => {
    const asked = asQuery(query === '' ? (known[0] ?? '') : query, '{service_name=~".+"}')
    if (asked === '') return
    setBusy(true)
    setError(null)
    try {
      const now = Date.now()
      const span = { start: nanosOf(now - dayMs), end: nanosOf(now + 1000) }
      const answer = await queryLines({ query: asked, ...span, limit: taken, direction: 'backward' })
      const found = linesOf(answer.data.streams, 'oldest')
      const newest = found.at(-1)
      if (newest === undefined) setError(p.takenNone)
      else {
        const lines = found.map(({ text }) => text)
        pipelineSample.set({ text: sampleOf(lines), labels: labelsText(newest.stream) })
        setQuery(asked)
        say(p.taken(found.length))
      }
    } catch (cause) {
      setError(cause instanceof Error ? cause.message : String(cause))
    }
    setBusy(false)
  }
  return (
    <>
      <form
        className={styles.stream}
        onSubmit={(event) => {
          event.preventDefault()
          void take()
        }}
      >
        <Autocomplete
          aria-label={p.stream}
          placeholder={known[0] ?? p.streamHint}
          data={known}
          limit={50}
          value={query}
          onChange={setQuery}
          spellCheck={false}
        />
        <Button
          type="submit"
          variant="default"
          loading={busy}
          disabled={query === '' && known.length === 0}
          leftSection={<IconDownload size={15} />}
        >
          {p.take(taken)}
        </Button>
      </form>
      {error !== null && (
        <p role="alert" className={styles.error}>
          {error}
        </p>
      )}
      {sample.text !== '' && query !== '' && error === null && <p className="muted">{p.takenHelp}</p>}
    </>
  )
}
