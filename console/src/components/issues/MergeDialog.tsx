import { Button, Modal } from '@mantine/core'
import { useState } from 'react'
import type { Issue } from '@/api/errors'
import { useMessages } from '@/i18n'
import { formatCount } from '@/lib/units'
import styles from './MergeDialog.module.css'

interface MergeDialogProps {
  readonly issues: readonly Issue[]
  readonly busy: boolean
  readonly onClose: () => void
  readonly onMerge: (into: string, others: readonly string[]) => void
}

/** Issues that become one: which of them it is, and that it can be undone. */
export function MergeDialog({ issues, busy, onClose, onMerge }: MergeDialogProps) {
  const t = useMessages('inbox')
  const m = t.inbox.merge
  const most = issues.reduce<Issue | undefined>(
    (best, issue) => (best === undefined || issue.events > best.events ? issue : best),
    undefined,
  )
  const [into, setInto] = useState(most?.id ?? '')
  const mixed = new Set(issues.map(({ project }) => project)).size > 1
  const problem = issues.length < 2 ? m.few : mixed ? m.mixed : null
  return (
    <Modal
      opened
      onClose={onClose}
      title={m.title(issues.length)}
      closeButtonProps={{ 'aria-label': t.common.close }}
    >
      {problem !== null ? (
        <p className={styles.note}>{problem}</p>
      ) : (
        <form
          className={styles.form}
          onSubmit={(event) => {
            event.preventDefault()
            onMerge(
              into,
              issues.map(({ id }) => id).filter((id) => id !== into),
            )
          }}
        >
          <fieldset>
            <legend>{m.into}</legend>
            {issues.map((issue) => (
              <label key={issue.id}>
                <input
                  type="radio"
                  name="into"
                  checked={issue.id === into}
                  onChange={() => setInto(issue.id)}
                />
                <span>
                  <b>{issue.title}</b>
                  <small>
                    {issue.culprit} · {t.inbox.events(formatCount(issue.events))}
                  </small>
                </span>
              </label>
            ))}
          </fieldset>
          <p className={styles.note}>{m.hint}</p>
          <Button type="submit" loading={busy} data-autofocus>
            {m.submit}
          </Button>
        </form>
      )}
    </Modal>
  )
}
