import type { TimelineEntry } from '../api/incidents'

/** What entries of a timeline are told apart by. */
export const entryGroups = ['alerts', 'people', 'telling', 'changes', 'errors'] as const
export type EntryGroup = (typeof entryGroups)[number]

const groups: Readonly<Record<string, EntryGroup>> = {
  opened: 'alerts',
  firing: 'alerts',
  ended: 'alerts',
  severity: 'alerts',
  quiet: 'alerts',
  escalated: 'telling',
  paged: 'telling',
  notified: 'telling',
  event: 'changes',
  error: 'errors',
}

/** What people do is all that is nothing else. */
export const groupOf = ({ kind }: Pick<TimelineEntry, 'kind'>): EntryGroup => groups[kind] ?? 'people'

export const severities = ['critical', 'error', 'warning', 'info'] as const

/** How grave it is, for a colour. */
export const severityTone = (severity: string): 'bad' | 'busy' | 'warn' | 'quiet' =>
  severity === 'critical' ? 'bad' : severity === 'error' ? 'busy' : severity === 'warning' ? 'warn' : 'quiet'

/** So much before an incident began is shown with it: at least the hour in which the server looks for changes. */
const leadShare = 0.3
const leadMin = 3_600_000

/** The range in which an incident is looked at: it, what came before, and a little after it. */
export function rangeOf(
  startedAt: number,
  endedAt: number | null,
  now: number,
): { from: number; to: number } {
  const end = endedAt ?? now
  const lead = Math.max((end - startedAt) * leadShare, leadMin)
  return { from: startedAt - lead, to: endedAt === null ? now : Math.min(end + lead / 3, now) }
}
