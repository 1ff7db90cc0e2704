import { ActionIcon, Menu, Tooltip } from '@mantine/core'
import { IconBraces, IconBulb, IconCopy, IconDots, IconEye, IconEyeOff, IconTrash } from '@tabler/icons-react'
import { useImperativeHandle, useRef, type Ref } from 'react'
import { formatQuery } from '@/api/query'
import { useMessages } from '@/i18n'
import { say } from '@/state/toasts'
import { rowName } from './exploreSearch'
import { QueryEditor, type EditorHandle } from './QueryEditor'
import styles from './QueryRow.module.css'
import { Remarks } from './Remarks'
import { errorText, mistakeIn, type Mistake } from './serverError'

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
  const t = useMessages()
  const x = t.explore
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
          error={mistake !== null && value === ran ? markOf(mistake, value) : null}
          handle={editor}
        />
        {error !== null && <ErrorBox message={error.message} text={ran} mistake={mistake} />}
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

/** What to underline: of a mistake at the very end, the last character. */
function markOf({ from, to }: Mistake, text: string): { from: number; to: number } {
  return { from: Math.min(from, Math.max(text.length - 1, 0)), to: Math.min(to, text.length) }
}

/** The line of the text in which a mistake begins, and what of it is wrong. */
function lineOf(text: string, { from, to }: Mistake): { before: string; wrong: string; after: string } {
  const start = text.lastIndexOf('\n', from - 1) + 1
  const next = text.indexOf('\n', from)
  const end = next < 0 ? text.length : next
  return {
    before: text.slice(start, from),
    wrong: text.slice(from, Math.min(to, end)),
    after: text.slice(Math.min(to, end), end),
  }
}

interface ErrorBoxProps {
  readonly message: string
  readonly text: string
  readonly mistake: Mistake | null
}

/** The server's complaint: the line it speaks of with a caret under the place, and what might be right instead. */
function ErrorBox({ message, text, mistake }: ErrorBoxProps) {
  const t = useMessages()
  const line = mistake === null ? null : lineOf(text, mistake)
  return (
    <div className={styles.error} role="alert">
      {line !== null && (
        <pre>
          {line.before}
          <mark>{line.wrong}</mark>
          {line.after}
          {'\n'}
          <span aria-hidden>{line.before.replace(/[^\t]/g, ' ')}</span>
          <b>{'^'.repeat(Math.max(line.wrong.length, 1))}</b>
        </pre>
      )}
      <p>
        {errorText(message)}
        {mistake !== null && (
          <span className="muted"> ({t.errors.position(mistake.line, mistake.column)})</span>
        )}
      </p>
      {mistake !== null && mistake.help !== '' && (
        <p className={styles.help}>
          <IconBulb size={15} aria-label={t.explore.suggestion} /> {mistake.help}
        </p>
      )}
    </div>
  )
}
