import { useMediaQuery } from '@mantine/hooks'
import { useCallback } from 'react'
import type { Issue } from '@/api/errors'
import { WindowList } from '@/components/WindowList'
import { useMessages } from '@/i18n'
import { IssueRow } from './IssueRow'

interface IssueListProps {
  readonly issues: readonly Issue[]
  readonly marked: ReadonlySet<string>
  readonly current: string | null
  readonly onMark: (issue: Issue, range: boolean) => void
  /** Called when the end of what is loaded comes near. */
  readonly onEnd: () => void
}

const rowHeight = 72
const narrowHeight = 96
/** So many lines before the end further ones are asked for. */
const aheadRows = 25

const keyOf = (issue: Issue): string => issue.id

export function IssueList({ issues, marked, current, onMark, onEnd }: IssueListProps) {
  const t = useMessages('inbox').inbox
  const narrow = useMediaQuery('(width <= 760px)', false, { getInitialValueInEffect: false })
  const size = useCallback(() => (narrow ? narrowHeight : rowHeight), [narrow])
  return (
    <WindowList
      label={t.list}
      items={issues}
      itemKey={keyOf}
      size={size}
      chosen={current}
      ahead={aheadRows}
      onEnd={onEnd}
    >
      {(issue) => (
        <IssueRow
          issue={issue}
          marked={marked.has(issue.id)}
          current={issue.id === current}
          onMark={onMark}
        />
      )}
    </WindowList>
  )
}
