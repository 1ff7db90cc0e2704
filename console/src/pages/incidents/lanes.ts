import type { IncidentAlert, TimelineEntry } from '@/api/incidents'
import type { ServerEvent } from '@/api/events'
import type { Lane } from '@/components/chart/lanes'
import { entryGroups, groupOf, type EntryGroup } from '@/lib/incidents'
import { seriesColor, type Scheme } from '@/lib/palette'

/** More alerts than this have no lane of their own. */
const alertsMax = 12

function mark(
  change: Partial<ServerEvent> & Pick<ServerEvent, 'key' | 'time' | 'kind' | 'title'>,
): ServerEvent {
  return {
    ns: `${Math.round(change.time)}000000`,
    end: null,
    durationNs: null,
    severity: 'info',
    text: '',
    source: '',
    subject: '',
    result: '',
    link: '',
    id: '',
    traceId: '',
    spanId: '',
    attributes: {},
    service: '',
    host: '',
    ...change,
  }
}

/** What an entry is about, in the first words that it has for it. */
const firstSaid = ({ title, issue, name, person, kind }: TimelineEntry): string =>
  [title, issue?.title, name, person].find((said) => said !== undefined && said !== '') ?? kind

const titleOf = (entry: TimelineEntry): string =>
  [entry.by ?? '', firstSaid(entry), entry.text]
    .filter((part) => part !== '')
    .join(' · ')
    .slice(0, 200)

/** An incident on one axis: each alert as a bar, and below them what people did, who was told, and what changed. */
export function lanesOf(
  alerts: readonly IncidentAlert[],
  entries: readonly TimelineEntry[],
  now: number,
  scheme: Scheme,
  words: Readonly<Record<EntryGroup, string>>,
): Lane[] {
  const lanes: Lane[] = alerts.slice(0, alertsMax).map((alert) => ({
    key: `alert ${alert.fingerprint}`,
    label: alert.name,
    color: seriesColor(0, scheme),
    counts: null,
    events: [
      mark({
        key: alert.fingerprint,
        time: alert.startsAt,
        end: alert.endsAt ?? now,
        kind: 'alert',
        title: alert.summary === '' ? alert.name : alert.summary,
        severity: alert.severity === 'critical' ? 'error' : 'warn',
        result: alert.firing ? 'firing' : 'ended',
      }),
    ],
  }))
  entryGroups.forEach((group, at) => {
    if (group === 'alerts') return
    const held = entries.filter((entry) => groupOf(entry) === group)
    if (held.length === 0) return
    lanes.push({
      key: group,
      label: words[group],
      color: seriesColor(at + 1, scheme),
      counts: null,
      events: held
        .map(
          (entry) =>
            entry.event ??
            mark({
              key: entry.key,
              time: entry.at,
              kind: group === 'errors' ? 'error' : 'note',
              title: titleOf(entry),
              severity: group === 'errors' ? 'error' : 'info',
            }),
        )
        .reverse(),
    })
  })
  return lanes
}
