import { Skeleton, useComputedColorScheme } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { useQuery } from '@tanstack/react-query'
import { getRouteApi, Link } from '@tanstack/react-router'
import { useEffect, useRef } from 'react'
import { ApiError } from '@/api/http'
import { activePipelines, type ActivePipeline } from '@/api/pipelines'
import { levelVariables } from '@/components/levelVariables'
import { useMessages } from '@/i18n'
import { pipelineYaml } from '@/lib/pipelineYaml'
import { pipelineDraft, pipelineSample } from '@/state/pipelineDraft'
import { say } from '@/state/toasts'
import { ActiveList } from './ActiveList'
import { ApplyPanel } from './ApplyPanel'
import { DraftPanel } from './DraftPanel'
import styles from './PipelinesPage.module.css'
import { Results } from './Results'
import { SamplePanel } from './SamplePanel'
import { templates, type Template } from './templates'
import { useTrial } from './useTrial'

const route = getRouteApi('/pipelines')

/** How long typing rests before a text is tried. */
const restMs = 250
/** Counts of pipelines in force are asked for again this often. */
const countsMs = 5000

const emptySample = { text: '', labels: '' }

/** Pipelines in force, and one being written, tried on lines as one types. */
export function PipelinesPage() {
  const t = useMessages('pipelines')
  const p = t.pipelines
  const { name } = route.useSearch()
  const navigate = route.useNavigate()
  const scheme = useComputedColorScheme('dark', { getInitialValueInEffect: false })
  const active = useQuery({
    queryKey: ['pipelines'],
    queryFn: ({ signal }) => activePipelines(signal),
    refetchInterval: countsMs,
  })
  const draft = pipelineDraft.use()
  const text = draft?.text ?? ''
  const sample = pipelineSample.use() ?? emptySample
  const [settled] = useDebouncedValue(text, restMs)
  const [settledSample] = useDebouncedValue(sample, restMs)
  const state = useTrial(settled, settledSample.text, settledSample.labels)

  const begin = (next: string, of: string | null) => {
    const known = (active.data ?? []).map(({ config }) => pipelineYaml(config))
    const replaces =
      text.trim() !== '' && ![next, ...known, ...templates.map((template) => template.text)].includes(text)
    pipelineDraft.set({ text: next, of })
    if (replaces) say(p.undo)
  }
  const open = ({ config }: ActivePipeline) => {
    begin(pipelineYaml(config), config.name)
    void navigate({ search: { name: config.name } })
  }
  const choose = (template: Template) => {
    begin(template.text, null)
    const own = templates.some((known) => known.sample === sample.text)
    if (own || sample.text.trim() === '') pipelineSample.set({ ...sample, text: template.sample })
    if (name !== undefined) void navigate({ search: {} })
  }

  // A link to a pipeline opens it, unless it is being edited already.
  const linked = useRef<string | undefined>(undefined)
  useEffect(() => {
    if (name === undefined || linked.current === name) return
    const found = active.data?.find((pipeline) => pipeline.name === name)
    if (found === undefined) return
    linked.current = name
    if (pipelineDraft.get()?.of !== name)
      pipelineDraft.set({ text: pipelineYaml(found.config), of: found.name })
  }, [name, active.data])

  if (active.data === undefined && active.error !== null) {
    const missing = active.error instanceof ApiError && active.error.kind === 'missing'
    return (
      <div className={styles.page}>
        <h1>{p.title}</h1>
        <p role="alert">{missing ? p.unknown : active.error.message}</p>
      </div>
    )
  }
  return (
    <div className={styles.page} style={levelVariables(scheme)}>
      <header className={styles.head}>
        <h1>{p.title}</h1>
        <Link to="/logs">{p.openLogs}</Link>
      </header>
      <p className={styles.lead}>{p.lead}</p>
      {active.data === undefined ? (
        <Skeleton height={90} />
      ) : (
        <ActiveList pipelines={active.data} opened={draft?.of ?? null} onOpen={open} />
      )}
      <div className={styles.bench}>
        <div className={styles.side}>
          <DraftPanel
            text={text}
            tried={settled}
            error={state.error}
            onText={(next) => pipelineDraft.set({ text: next, of: draft?.of ?? null })}
            onTemplate={choose}
          />
          <SamplePanel sample={sample} more={state.more} />
        </div>
        <Results state={state} sampled={settledSample.text.trim() !== ''} />
      </div>
      {text.trim() !== '' && state.error === null && (
        <ApplyPanel text={text} active={active.data ?? []} onReloaded={() => void active.refetch()} />
      )}
    </div>
  )
}
