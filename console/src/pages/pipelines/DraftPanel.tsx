import { Button, Menu } from '@mantine/core'
import { IconChevronDown } from '@tabler/icons-react'
import { useMemo } from 'react'
import { CodeEditor } from '@/components/editor/CodeEditor'
import { markOf, QueryError } from '@/components/QueryError'
import { useMessages } from '@/i18n'
import { complaintOf } from '@/lib/pipelineYaml'
import styles from './DraftPanel.module.css'
import { templates, type Template } from './templates'
import { pipelineLanguage } from './yamlExtension'

interface DraftPanelProps {
  readonly text: string
  /** The text an error speaks of. */
  readonly tried: string
  readonly error: Error | null
  readonly onText: (text: string) => void
  readonly onTemplate: (template: Template) => void
}

/** The pipeline that is being written, and what the server has against it. */
export function DraftPanel({ text, tried, error, onText, onTemplate }: DraftPanelProps) {
  const p = useMessages('pipelines').pipelines
  const complaint = useMemo(() => (error === null ? null : complaintOf(error.message, tried)), [error, tried])
  const mistake = complaint?.mistake ?? null
  return (
    <section className={styles.panel} aria-label={p.editor}>
      <header>
        <h2>{p.editor}</h2>
        <Menu position="bottom-end" withinPortal>
          <Menu.Target>
            <Button variant="default" rightSection={<IconChevronDown size={14} />}>
              {p.templates}
            </Button>
          </Menu.Target>
          <Menu.Dropdown>
            {templates.map((template) => (
              <Menu.Item key={template.key} onClick={() => onTemplate(template)}>
                {p.template[template.key]}
              </Menu.Item>
            ))}
          </Menu.Dropdown>
        </Menu>
      </header>
      <div className={styles.field} data-main-input>
        <CodeEditor
          document
          language={pipelineLanguage}
          value={text}
          onChange={onText}
          onRun={() => undefined}
          label={p.editorLabel}
          hint={p.editorHint}
          error={mistake !== null && text === tried ? markOf(mistake, text) : null}
          handle={null}
        />
      </div>
      {complaint !== null && (
        <div className={styles.error}>
          <QueryError message={complaint.words} text={tried} mistake={mistake} />
          {complaint.detail !== '' && <pre>{complaint.detail}</pre>}
        </div>
      )}
    </section>
  )
}
