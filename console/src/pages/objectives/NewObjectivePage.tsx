import { Button, Menu, Skeleton } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { IconArrowLeft, IconChevronDown, IconEraser } from '@tabler/icons-react'
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { yaml } from '@codemirror/lang-yaml'
import { useEffect, useState } from 'react'
import { tryObjective, type ObjectiveDetail } from '@/api/objectives'
import { CodeBlock } from '@/components/CodeBlock'
import { CodeEditor } from '@/components/editor/CodeEditor'
import { ErrorText, Mark } from '@/components/watch/kit'
import kit from '@/components/watch/kit.module.css'
import { inConfiguration, objectiveKinds, objectiveTemplate } from '@/lib/objectives'
import { useConfigFile } from '@/state/configFile'
import { currentKey } from '@/state/current'
import { objectiveDraft } from '@/state/objectivesSearch'
import { useTimeState } from '@/state/timeSearch'
import { Charts, Indicator } from './ObjectivePage'
import { BurnAlerts, BurnList, Standing, stateTone } from './parts'
import styles from './objectives.module.css'
import { useWords } from './words'

const restMs = 400
/** The present moves on; how it stands is asked for again this often. */
const periodMs = 15_000
const language = yaml()

/** An objective that is written, and how it would stand. */
export function NewObjectivePage() {
  const w = useWords()
  const e = w.editor
  const text = objectiveDraft.use()
  const [settled] = useDebouncedValue(text, restMs)
  const { refresh } = useTimeState()
  const written = settled.trim() !== ''
  const tried = useQuery({
    queryKey: [currentKey, 'objective-trial', settled],
    enabled: written,
    placeholderData: keepPreviousData,
    structuralSharing: false,
    retry: false,
    queryFn: ({ signal }) => tryObjective(settled, signal),
    refetchInterval: refresh === 'off' ? false : periodMs,
  })
  // A mistake does not take away what one was looking at.
  const [good, setGood] = useState<ObjectiveDetail | null>(null)
  useEffect(() => {
    if (tried.data !== undefined) setGood(tried.data)
  }, [tried.data])
  const error = written ? tried.error : null
  const shown = tried.data ?? good
  return (
    <div className={kit.page}>
      <header className={styles.head}>
        <Button
          variant="subtle"
          color="gray"
          leftSection={<IconArrowLeft size={15} />}
          renderRoot={(props) => <Link {...props} to="/objectives" />}
        >
          {w.back}
        </Button>
        <h1>{e.title}</h1>
      </header>
      <p className={kit.hint}>{e.lead}</p>
      <div className={styles.grid}>
        <section className={styles.panel} aria-label={e.yaml}>
          <div className={kit.actions}>
            <Menu position="bottom-start" withinPortal>
              <Menu.Target>
                <Button variant="default" rightSection={<IconChevronDown size={14} />}>
                  {e.templates}
                </Button>
              </Menu.Target>
              <Menu.Dropdown>
                {objectiveKinds.map((kind) => (
                  <Menu.Item key={kind} onClick={() => objectiveDraft.set(objectiveTemplate(kind))}>
                    {e.template[kind]}
                  </Menu.Item>
                ))}
              </Menu.Dropdown>
            </Menu>
            <Button
              variant="subtle"
              color="gray"
              leftSection={<IconEraser size={15} />}
              onClick={() => objectiveDraft.set('')}
            >
              {e.reset}
            </Button>
          </div>
          <div className={styles.field} data-main-input data-error={error !== null || undefined}>
            <CodeEditor
              document
              language={language}
              value={text}
              onChange={objectiveDraft.set}
              onRun={() => void tried.refetch()}
              label={e.yaml}
              hint={e.hint}
              error={null}
              handle={null}
            />
          </div>
          {error !== null && <ErrorText>{error.message}</ErrorText>}
        </section>
        <section
          className={`${styles.panel} ${error !== null ? styles.stale : ''}`}
          aria-label={e.preview}
          aria-busy={tried.isFetching}
        >
          <h2>{e.preview}</h2>
          {!written ? (
            <p className="muted">{e.nothing}</p>
          ) : shown === null ? (
            error === null && <Skeleton height={160} />
          ) : (
            <>
              {error !== null && <p className="muted">{e.stale}</p>}
              <p>
                <Mark tone={stateTone[shown.state]}>{w.state[shown.state]}</Mark>
              </p>
              {shown.state === 'noData' && <p className="muted">{e.noData}</p>}
              <Standing objective={shown} />
              <BurnList objective={shown} />
              <BurnAlerts objective={shown} />
            </>
          )}
        </section>
      </div>
      {written && shown !== null && error === null && <Charts objective={shown} />}
      {written && error === null && <Apply text={settled} objective={shown} />}
    </div>
  )
}

interface ApplyProps {
  readonly text: string
  readonly objective: ObjectiveDetail | null
}

/** What goes into the configuration file, and what would come of it. */
function Apply({ text, objective }: ApplyProps) {
  const w = useWords()
  const file = useConfigFile()
  const commands = [`watchfire check config ${file}`, `curl -X POST ${window.location.origin}/-/reload`]
  return (
    <section className={styles.panel} aria-label={w.editor.apply}>
      <h2>{w.editor.apply}</h2>
      <p className={kit.hint}>{w.editor.applyHint}</p>
      <CodeBlock text={inConfiguration(text).trimEnd()} language="yaml" />
      <CodeBlock text={commands.join('\n')} language="text" />
      {objective !== null && (
        <>
          <Indicator objective={objective} />
          <details>
            <summary className="muted">{w.rules}</summary>
            <CodeBlock text={objective.rules.trimEnd()} language="yaml" />
          </details>
        </>
      )}
    </section>
  )
}
