import { ActionIcon, Menu, Tooltip } from '@mantine/core'
import { IconBraces, IconCopy, IconDots, IconEye, IconEyeOff, IconTrash } from '@tabler/icons-react'
import { useQueryClient } from '@tanstack/react-query'
import { useImperativeHandle, useMemo, useRef, type Ref } from 'react'
import { formatQuery } from '@/api/query'
import { CodeEditor, type EditorHandle } from '@/components/editor/CodeEditor'
import { markOf, QueryError } from '@/components/QueryError'
import { useMessages } from '@/i18n'
import { errorText, mistakeIn } from '@/lib/serverError'
import { say } from '@/state/toasts'
import { rowName } from './exploreSearch'
import { promqlExtension } from '@/components/editor/promqlExtension'
import styles from './QueryRow.module.css'
import { Remarks } from './Remarks'

interface QueryRowProps {
  readonly index: number
  readonly value: string
  /** The text the error speaks of; a later edit makes its position meaningless. */
  readonly ran: string
  readonly hidden: boolean
  readonly error: Error | null
  readonly warnings: readonly string[]
  readonly infos: readonly string[]
  readonly only: boolean
  readonly onChange: (text: string) => void
  readonly onRun: () => void
  readonly onToggle: () => void
  readonly onDuplicate: () => void
  readonly onRemove: () => void
  readonly handle: Ref<EditorHandle>
}

export function QueryRow(props: QueryRowProps) {
  const { index, value, ran, hidden, error, only, onChange, onRun, handle } = props
  const t = useMessages('explore')
  const x = t.explore
  const client = useQueryClient()
  const language = useMemo(() => promqlExtension(client), [client])
  const editor = useRef<EditorHandle>(null)
  useImperativeHandle(handle, () => ({
    insert: (text) => editor.current?.insert(text),
    focus: () => editor.current?.focus(),
  }))
  const name = rowName(index)
  const mistake = error === null ? null : mistakeIn(error, ran)
  const format = async () => {
    try {
      onChange(await formatQuery(value))
    } catch (cause) {
      say(`${t.query.formatFailed}: ${errorText(cause instanceof Error ? cause.message : '')}`, 'bad')
    }
  }
  return (
    <div className={styles.row} data-hidden={hidden || undefined} data-error={error !== null || undefined}>
      <Tooltip label={hidden ? x.enable : x.disable}>
        <button
          type="button"
          className={styles.name}
          onClick={props.onToggle}
          aria-pressed={!hidden}
          aria-label={`${x.query(name)}: ${hidden ? x.enable : x.disable}`}
        >
          {name}
          {hidden ? <IconEyeOff size={13} aria-hidden /> : <IconEye size={13} aria-hidden />}
        </button>
      </Tooltip>
      <div className={styles.field} {...(index === 0 ? { 'data-main-input': true } : {})}>
        <CodeEditor
          language={language}
          value={value}
          onChange={onChange}
          onRun={onRun}
          label={x.query(name)}
          hint={x.placeholder}
          error={mistake !== null && value === ran ? markOf(mistake, value) : null}
          handle={editor}
        />
        {error !== null && <QueryError message={error.message} text={ran} mistake={mistake} />}
        {error === null && !hidden && value === ran && (
          <Remarks warnings={props.warnings} infos={props.infos} />
        )}
      </div>
      <Menu position="bottom-end" withinPortal>
        <Menu.Target>
          <ActionIcon size="md" mt={4} aria-label={`${x.query(name)}: …`}>
            <IconDots size={16} />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item
            leftSection={<IconBraces size={15} />}
            onClick={() => void format()}
            disabled={value.trim() === ''}
          >
            {t.query.format}
          </Menu.Item>
          <Menu.Item leftSection={<IconCopy size={15} />} onClick={props.onDuplicate}>
            {x.duplicate}
          </Menu.Item>
          <Menu.Item
            leftSection={hidden ? <IconEye size={15} /> : <IconEyeOff size={15} />}
            onClick={props.onToggle}
          >
            {hidden ? x.enable : x.disable}
          </Menu.Item>
          <Menu.Item
            leftSection={<IconTrash size={15} />}
            onClick={props.onRemove}
            disabled={only && value === ''}
          >
            {x.remove}
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
    </div>
  )
}
