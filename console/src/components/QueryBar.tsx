import { Button } from '@mantine/core'
import { IconLink, IconPlayerPlay, IconZoomCode } from '@tabler/icons-react'
import type { ComponentProps, ReactNode } from 'react'
import { CodeEditor } from '@/components/editor/CodeEditor'
import { markOf, QueryError } from '@/components/QueryError'
import { useCopy } from '@/components/useCopy'
import { useMessages } from '@/i18n'
import { mistakeIn } from '@/lib/serverError'
import styles from './QueryBar.module.css'

interface QueryBarProps {
  readonly label: string
  readonly hint: string
  readonly language: ComponentProps<typeof CodeEditor>['language']
  readonly draft: string
  /** The text an error speaks of. */
  readonly ran: string
  readonly onDraft: (text: string) => void
  readonly onRun: (text: string) => void
  readonly running: boolean
  readonly error: Error | null
  readonly inspecting: boolean
  readonly onInspect: (inspecting: boolean) => void
  /** What can be done with the query in this language. */
  readonly actions: ReactNode
  /** Controls that say the same as the query. */
  readonly filters?: ReactNode
}

/** A query in its editor, run by hand, with what is wrong with it and the link to it. */
export function QueryBar(props: QueryBarProps) {
  const { label, hint, language, draft, ran, onDraft, onRun, running, error } = props
  const { inspecting, onInspect, actions, filters } = props
  const t = useMessages()
  const copy = useCopy()
  const mistake = error === null ? null : mistakeIn(error, ran)
  return (
    <section className={styles.bar} aria-label={label}>
      <div className={styles.field} data-main-input>
        <CodeEditor
          language={language}
          value={draft}
          onChange={onDraft}
          onRun={() => onRun(draft)}
          label={label}
          hint={hint}
          error={mistake !== null && draft === ran ? markOf(mistake, draft) : null}
          handle={null}
        />
        <Button
          className={styles.run}
          leftSection={<IconPlayerPlay size={14} />}
          onClick={() => onRun(draft)}
          loading={running}
        >
          {t.query.run}
        </Button>
      </div>
      {error !== null && (
        <div className={styles.error}>
          <QueryError message={error.message} text={ran} mistake={mistake} />
        </div>
      )}
      {filters !== undefined && <div className={styles.filters}>{filters}</div>}
      <footer className={styles.actions}>
        {actions}
        <div className={styles.end}>
          <Button
            variant="subtle"
            color={inspecting ? 'ember' : 'gray'}
            leftSection={<IconZoomCode size={15} />}
            onClick={() => onInspect(!inspecting)}
            aria-pressed={inspecting}
          >
            {t.query.inspector}
          </Button>
          <Button
            variant="subtle"
            color="gray"
            leftSection={<IconLink size={15} />}
            onClick={() => void copy(window.location.href, t.query.shareCopied)}
          >
            {t.query.share}
          </Button>
        </div>
      </footer>
    </section>
  )
}
