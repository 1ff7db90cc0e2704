import { useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { actOnIncidents, type Acted, type IncidentAction } from '@/api/incidents'
import { errorText } from '@/lib/serverError'
import { author } from '@/state/author'
import { currentKey } from '@/state/current'
import { say } from '@/state/toasts'
import { useWords } from './words'

export interface IncidentActions {
  readonly busy: boolean
  /** Does something to incidents and says so; null where the server refused. */
  readonly act: (ids: readonly number[], action: IncidentAction) => Promise<Acted | null>
}

export function useActions(): IncidentActions {
  const a = useWords().actions
  const client = useQueryClient()
  const [busy, setBusy] = useState(false)
  const act = async (ids: readonly number[], action: IncidentAction) => {
    if (ids.length === 0) return null
    setBusy(true)
    try {
      const done = await actOnIncidents(ids, action, author.get())
      const [first] = done.refused
      if (first === undefined) say(a.done)
      else say(a.refused(done.refused.length, first.error), 'bad')
      return done
    } catch (cause) {
      say(errorText(cause instanceof Error ? cause.message : String(cause)), 'bad')
      return null
    } finally {
      setBusy(false)
      await client.invalidateQueries({ queryKey: [currentKey] })
    }
  }
  return { busy, act }
}
