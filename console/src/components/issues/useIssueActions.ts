import { useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { actOnIssues, type IssueAction } from '@/api/errors'
import { useMessages } from '@/i18n'
import { errorText } from '@/lib/serverError'
import { author } from '@/state/author'
import { liveKey } from '@/state/live'
import { say } from '@/state/toasts'

/** Every question about errors is under this key. */
export const errorsKey = [liveKey, 'errors'] as const

export interface IssueActions {
  readonly busy: boolean
  /** Does something to issues and says so; false where the server refused. */
  readonly act: (ids: readonly string[], action: IssueAction) => Promise<boolean>
}

export function useIssueActions(): IssueActions {
  const a = useMessages('inbox').inbox.actions
  const client = useQueryClient()
  const [busy, setBusy] = useState(false)
  const act = async (ids: readonly string[], action: IssueAction) => {
    if (ids.length === 0) return false
    setBusy(true)
    try {
      await actOnIssues(ids, action, author.get())
      say(a.done[action.action](action.action === 'merge' ? action.issues.length + 1 : ids.length))
      return true
    } catch (cause) {
      say(errorText(cause instanceof Error ? cause.message : String(cause)), 'bad')
      return false
    } finally {
      setBusy(false)
      await client.invalidateQueries({ queryKey: errorsKey })
    }
  }
  return { busy, act }
}
