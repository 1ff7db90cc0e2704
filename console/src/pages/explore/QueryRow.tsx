import { ActionIcon, Menu, Tooltip } from '@mantine/core'
import { IconBraces, IconCopy, IconDots, IconEye, IconEyeOff, IconTrash } from '@tabler/icons-react'
import { useImperativeHandle, useRef, type Ref } from 'react'
import { formatQuery } from '@/api/query'
import { useMessages } from '@/i18n'
import { say } from '@/state/toasts'
import { rowName } from './exploreSearch'
import { QueryEditor, type EditorHandle } from './QueryEditor'
import styles from './QueryRow.module.css'
import { errorPosition, errorText, offsetOf } from './serverError'

interface QueryRowProps {
  readonly index: number
  readonly value: string
  /** The text the error speaks of; a later edit makes its position meaningless. */
  readonly ran: string
  readonly hidden: boolean
  readonly error: Error | null
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
  const t = useMessages()
  const x = t.explore
  const editor = useRef<EditorHandle>(null)
  useImperativeHandle(handle, () => ({
    insert: (text) => editor.current?.insert(text),
    focus: () => editor.current?.focus(),
  }))
  const name = rowName(index)
  const position = error === null || value !== ran ? null : errorPosition(error.message)
  const mark = position === null ? null : markOf(value, offsetOf(value, position))
  const format = async () => {
    try {
      onChange(await formatQuery(value))
    } catch (cause) {
      say(`${x.formatFailed}: ${errorText(cause instanceof Error ? cause.message : '')}`, 'bad')
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
        <QueryEditor
          value={value}
          onChange={onChange}
          onRun={onRun}
          label={x.query(name)}
          hint={x.placeholder}
          error={mark}
          handle={editor}
        />
        {error !== null && <ErrorBox message={error.message} text={ran} />}
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
            {x.format}
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

/** The word at the position, or the one character there. */
function markOf(text: string, at: number): { from: number; to: number } | null {
  const from = Math.min(at, Math.max(text.length - 1, 0))
  const word = /^[a-zA-Z0-9_:.]+/.exec(text.slice(from))
  return text === '' ? null : { from, to: from + (word === null ? 1 : word[0].length) }
}

/** The server's complaint, with the line it speaks of and a caret under the place. */
function ErrorBox({ message, text }: { readonly message: string; readonly text: string }) {
  const t = useMessages()
  const position = errorPosition(message)
  const line = position === null ? undefined : text.split('\n')[position.line - 1]
  return (
    <div className={styles.error} role="alert">
      {position !== null && line !== undefined && (
        <pre>
          {line}
          {'\n'}
          {' '.repeat(Math.max(position.column - 1, 0))}
          <b>^</b>
        </pre>
      )}
      <p>
        {errorText(message)}
        {position !== null && (
          <span className="muted"> ({t.errors.position(position.line, position.column)})</span>
        )}
      </p>
    </div>
  )
}
