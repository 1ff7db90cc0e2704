import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { errorEvent, type ErrorEvent } from '@/api/errorEvent'
import { issueById, type IssueDocument } from '@/api/issue'
import { ApiError } from '@/api/http'
import { errorsKey } from '@/components/issues/useIssueActions'
import { epochMs } from '@/lib/brand'
import { issueWindow } from '@/lib/issueWindow'
import { encodeTimePoint, resolveRange } from '@/lib/time'
import { useTimeState } from '@/state/timeSearch'

/** One that is not there will not come by asking again. */
export const unlessMissing = (failures: number, error: Error): boolean =>
  failures < 2 && !(error instanceof ApiError && error.kind !== 'network')

/** One issue with its counts over the range. */
export function useIssue(id: string) {
  const { range, zone } = useTimeState()
  const rangeKey = `${encodeTimePoint(range.from)}..${encodeTimePoint(range.to)}@${zone}`
  return useQuery<IssueDocument>({
    queryKey: [...errorsKey, 'issue', id, rangeKey],
    placeholderData: (old) => (old?.id === id ? old : undefined),
    retry: unlessMissing,
    queryFn: ({ signal }) => {
      const { from, to } = resolveRange(range, epochMs(Date.now()), zone)
      return issueById(id, issueWindow(from, to), signal)
    },
  })
}

export interface ShownEvent {
  /** Null until it is known, or where there is none within retention. */
  readonly event: ErrorEvent | null
  readonly error: Error | null
  readonly loading: boolean
}

/**
 * The event that is shown: the one of the address, or the newest of when the page was opened. What comes later does not
 * push aside what is being read.
 */
export function useShownEvent(issue: IssueDocument | undefined, wanted: string | undefined): ShownEvent {
  const [pinned, setPinned] = useState<{ issue: string; event: string } | null>(null)
  const latest = issue?.latestEvent ?? null
  if (issue !== undefined && latest !== null && pinned?.issue !== issue.id)
    setPinned({ issue: issue.id, event: latest.id })
  const id = wanted ?? pinned?.event ?? null
  const asked = useQuery({
    queryKey: [...errorsKey, 'event', issue?.id, id],
    enabled: issue !== undefined && id !== null,
    placeholderData: keepPreviousData,
    retry: unlessMissing,
    queryFn: ({ signal }) => errorEvent(id ?? '', issue?.id ?? '', signal),
  })
  const known = latest?.id === id ? latest : null
  return {
    event: asked.data ?? known,
    error: asked.error,
    loading: asked.isPending && id !== null && known === null,
  }
}
