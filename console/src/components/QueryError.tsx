import { IconBulb } from '@tabler/icons-react'
import { useMessages } from '@/i18n'
import { errorText, type Mistake } from '@/lib/serverError'
import styles from './QueryError.module.css'

/** What to underline: of a mistake at the very end, the last character. */
export function markOf({ from, to }: Mistake, text: string): { from: number; to: number } {
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

interface QueryErrorProps {
  readonly message: string
  readonly text: string
  readonly mistake: Mistake | null
}

/** The server's complaint: the line it speaks of with a caret under the place, and what might be right instead. */
export function QueryError({ message, text, mistake }: QueryErrorProps) {
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
          <IconBulb size={15} aria-label={t.query.suggestion} /> {mistake.help}
        </p>
      )}
    </div>
  )
}
