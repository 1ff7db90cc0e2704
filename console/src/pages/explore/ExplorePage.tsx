import { Button } from '@mantine/core'
import { IconChartDots, IconPlus, IconTelescope } from '@tabler/icons-react'
import { useQueryClient } from '@tanstack/react-query'
import { lazy, Suspense, useEffect, useRef, useState } from 'react'
import { EventMarks } from '@/components/chart/EventMarks'
import type { EditorHandle } from '@/components/editor/CodeEditor'
import { Message } from '@/components/Message'
import { useMessages } from '@/i18n'
import { liveKey } from '@/state/live'
import { promqlHistory } from '@/state/queryHistory'
import styles from './ExplorePage.module.css'
import { useExplore } from './exploreSearch'
import { QueryRow } from './QueryRow'
import { Results } from './Results'
import { Toolbar } from './Toolbar'
import { useExamples } from './useExamples'
import { useResults } from './useResults'

const Inspector = lazy(() => import('./Inspector').then((m) => ({ default: m.Inspector })))
const MetricsBrowser = lazy(() => import('./MetricsBrowser').then((m) => ({ default: m.MetricsBrowser })))

const blank = ['']
const none: readonly string[] = []

/** Ask anything. What is typed is a draft; what was run is in the address. */
export function ExplorePage() {
  const t = useMessages('explore')
  const x = t.explore
  const client = useQueryClient()
  const [state, change] = useExplore()
  const [drafts, setDrafts] = useState<readonly string[]>(state.exprs.length === 0 ? blank : state.exprs)
  const [browsing, setBrowsing] = useState(false)
  const [inspecting, setInspecting] = useState(false)
  const editors = useRef(new Map<number, EditorHandle>())
  const focused = useRef(0)
  const results = useResults(state)

  // Following a link or going back replaces the drafts.
  const ran = state.exprs.join('\u0000')
  const seen = useRef(ran)
  useEffect(() => {
    if (seen.current === ran) return
    seen.current = ran
    setDrafts(ran === '' ? blank : ran.split('\u0000'))
  }, [ran])

  const commit = (exprs: readonly string[], hidden: ReadonlySet<number> = state.hidden) => {
    const kept = exprs.some((expr) => expr.trim() !== '') ? exprs : []
    seen.current = kept.join('\u0000')
    change({ exprs: kept, hidden })
  }
  const run = () => {
    promqlHistory.remember(drafts)
    if (drafts.join('\u0000') === ran) void client.invalidateQueries({ queryKey: [liveKey, 'explore'] })
    else commit(drafts)
  }
  const start = (expr: string) => {
    setDrafts([expr])
    promqlHistory.remember([expr])
    commit([expr], new Set())
  }
  const setDraft = (index: number, text: string) => {
    focused.current = index
    setDrafts((old) => old.map((expr, i) => (i === index ? text : expr)))
  }
  const add = (expr: string, at: number) => {
    const next = [...drafts.slice(0, at), expr, ...drafts.slice(at)]
    setDrafts(next)
    commit(next, new Set([...state.hidden].map((i) => (i >= at ? i + 1 : i))))
  }
  const remove = (index: number) => {
    const next = drafts.filter((_, i) => i !== index)
    setDrafts(next.length === 0 ? blank : next)
    commit(next, new Set([...state.hidden].filter((i) => i !== index).map((i) => (i > index ? i - 1 : i))))
  }
  const toggle = (index: number) => {
    const hidden = new Set(state.hidden)
    if (!hidden.delete(index)) hidden.add(index)
    change({ hidden })
  }
  const insert = (text: string) => {
    setBrowsing(false)
    const index = Math.min(focused.current, drafts.length - 1)
    if (drafts[index]?.trim() === '') start(text)
    else editors.current.get(index)?.insert(text)
  }
  const asked = state.exprs.some((expr) => expr.trim() !== '')
  return (
    <div className={styles.page}>
      <h1 className={styles.title}>{x.title}</h1>
      <section className={styles.queries} aria-label={x.title}>
        {drafts.map((draft, index) => (
          <QueryRow
            key={index}
            index={index}
            value={draft}
            ran={state.exprs[index] ?? ''}
            hidden={state.hidden.has(index)}
            error={results[index]?.error ?? null}
            warnings={results[index]?.data?.exchange.warnings ?? none}
            infos={results[index]?.data?.exchange.infos ?? none}
            only={drafts.length === 1}
            onChange={(text) => setDraft(index, text)}
            onRun={run}
            onToggle={() => toggle(index)}
            onDuplicate={() => add(draft, index + 1)}
            onRemove={() => remove(index)}
            handle={(editor) => {
              if (editor === null) editors.current.delete(index)
              else editors.current.set(index, editor)
            }}
          />
        ))}
        <footer className={styles.actions}>
          <Button
            variant="subtle"
            color="gray"
            leftSection={<IconPlus size={15} />}
            onClick={() => setDrafts([...drafts, ''])}
          >
            {x.add}
          </Button>
          <Button
            variant="subtle"
            color="gray"
            leftSection={<IconChartDots size={15} />}
            onClick={() => setBrowsing(true)}
          >
            {x.metrics}
          </Button>
          <Toolbar
            onPick={start}
            onRun={run}
            running={results.some((r) => r.isFetching && r.isPlaceholderData)}
            inspecting={inspecting}
            onInspect={() => setInspecting(!inspecting)}
          />
        </footer>
      </section>
      <Suspense>{inspecting && asked && <Inspector results={results} exprs={state.exprs} />}</Suspense>
      {asked ? (
        <EventMarks>
          <Results state={state} change={change} results={results} />
        </EventMarks>
      ) : (
        <Start onPick={start} />
      )}
      <Suspense>
        {browsing && <MetricsBrowser onClose={() => setBrowsing(false)} onInsert={insert} />}
      </Suspense>
    </div>
  )
}

function Start({ onPick }: { readonly onPick: (expr: string) => void }) {
  const x = useMessages('explore').explore
  const examples = useExamples()
  return (
    <Message icon={<IconTelescope size={44} stroke={1.3} />} title={x.emptyTitle}>
      <p>{x.emptyHint}</p>
      <ul className={styles.examples}>
        {examples.map(({ title, expr }) => (
          <li key={title}>
            <button type="button" onClick={() => onPick(expr)}>
              <b>{title}</b>
              <code className="mono clip">{expr}</code>
            </button>
          </li>
        ))}
      </ul>
    </Message>
  )
}
