import { Button, Modal, TextInput } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { issueList } from '@/api/errors'
import type { IssueDocument } from '@/api/issue'
import { errorsKey, type IssueActions } from '@/components/issues/useIssueActions'
import { useMessages } from '@/i18n'
import { formatCount } from '@/lib/units'
import styles from './IssuePage.module.css'

interface MergeIntoProps {
  readonly issue: IssueDocument
  readonly actions: IssueActions
  readonly onClose: () => void
}

const restMs = 250
const shownMax = 30

/** Other issues of the project that become part of this one. */
export function MergeInto({ issue, actions, onClose }: MergeIntoProps) {
  const t = useMessages('issue')
  const g = t.issue.grouping
  const [text, setText] = useState(issue.type)
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set())
  const [asked] = useDebouncedValue(text, restMs)
  const found = useQuery({
    queryKey: [...errorsKey, 'mergeable', issue.project, asked],
    placeholderData: keepPreviousData,
    retry: false,
    queryFn: async ({ signal }) => {
      const window = { from: 0, to: Date.now() + 86_400_000, buckets: 1 }
      const wanted = {
        project: issue.project,
        status: 'all',
        query: asked,
        sort: 'last_seen',
        limit: shownMax + 1,
        offset: 0,
        overview: false,
      } as const
      return (await issueList(wanted, window, signal)).data.issues
    },
  })
  const others = (found.data ?? []).filter(({ id }) => id !== issue.id).slice(0, shownMax)
  const toggle = (id: string) => {
    const next = new Set(chosen)
    if (!next.delete(id)) next.add(id)
    setChosen(next)
  }
  const merge = async () => {
    if (await actions.act([issue.id], { action: 'merge', issues: [...chosen] })) onClose()
  }
  return (
    <Modal
      opened
      onClose={onClose}
      size="lg"
      title={g.mergeTitle}
      closeButtonProps={{ 'aria-label': t.common.close }}
    >
      <form
        className={styles.mergeForm}
        onSubmit={(event) => {
          event.preventDefault()
          if (chosen.size > 0) void merge()
        }}
      >
        <TextInput
          data-autofocus
          aria-label={g.find}
          placeholder={g.find}
          value={text}
          spellCheck={false}
          error={found.error?.message}
          onChange={(event) => setText(event.currentTarget.value)}
        />
        <ul className={styles.parts}>
          {others.map((other) => (
            <li key={other.id}>
              <label>
                <input type="checkbox" checked={chosen.has(other.id)} onChange={() => toggle(other.id)} />
                <span>
                  <b>{other.title}</b>
                  <small>
                    {other.culprit} · {g.events(formatCount(other.events))}
                  </small>
                </span>
              </label>
            </li>
          ))}
          {others.length === 0 && <li className="muted">{g.noOthers}</li>}
        </ul>
        <Button type="submit" disabled={chosen.size === 0} loading={actions.busy}>
          {g.mergeChosen(chosen.size)}
        </Button>
      </form>
    </Modal>
  )
}
