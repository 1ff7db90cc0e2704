import { Link } from '@tanstack/react-router'
import { useQuery } from '@tanstack/react-query'
import { deliveryJournal, routingTree, testRoute } from '@/api/routing'
import type { Labels } from '@/api/types'
import { useMessages } from '@/i18n'
import { formatUptime } from '@/lib/ago'
import type { Alert } from '@/lib/alerts'
import { ms } from '@/lib/brand'
import { formatDuration } from '@/lib/duration'
import { labelsKey } from '@/lib/frame'
import { selector } from '@/lib/matcher'
import { useNow } from '@/state/live'
import styles from './AlertDetail.module.css'
import { alertsKey, useCurrent } from './useAlerts'

const seconds = (value: number): string => formatDuration(ms(value * 1000))

/** The receivers of an alert, what they were told of its group, and what keeps it quiet. */
export function WhoIsTold({ alert }: { readonly alert: Alert }) {
  const t = useMessages('alerts')
  const d = t.alerts.detail
  const now = useNow()
  const routed = useQuery({
    queryKey: [alertsKey, 'routed', labelsKey(alert.labels)],
    staleTime: 10_000,
    queryFn: ({ signal }) => testRoute(alert.labels, signal),
  })
  const tree = useCurrent(['routes'], routingTree, { slowest: 10_000 })
  const journal = useCurrent(['journal'], deliveryJournal, { slowest: 5000 })
  const hasWay = (name: string) =>
    tree.data?.receivers.some((receiver) => receiver.name === name && receiver.ways.length > 0) !== false
  const told = (receiver: string, group: Labels) =>
    (journal.data?.deliveries ?? [])
      .filter((one) => one.receiver === receiver && labelsKey(one.groupLabels) === labelsKey(group))
      .slice(0, 3)
  const mutedBy = (id: number) => tree.data?.routes[id]?.mutedBy ?? []
  const reasons: Readonly<Record<string, string>> = t.alerts.deliveries.reason
  const routes = routed.data?.routes ?? []
  const title = alert.state === 'firing' ? d.who : d.whoWould
  return (
    <section className={styles.who} aria-label={title}>
      <h3>{title}</h3>
      {alert.silencedBy.length > 0 && (
        <p>
          {d.silencedBy}{' '}
          {alert.silencedBy.map((id) => (
            <Link key={id} to="/alerts" search={{ tab: 'silences', filter: id }}>
              {id.slice(0, 8)}
            </Link>
          ))}
        </p>
      )}
      {alert.inhibitedBy.length > 0 && (
        <p>
          {d.inhibitedBy} <code className="mono">{alert.inhibitedBy.join(', ')}</code>
        </p>
      )}
      {routed.error !== null && <p>{routed.error.message}</p>}
      {tree.data?.configFile === null ? (
        <p className={styles.hint}>{d.notConfigured}</p>
      ) : (
        <ul>
          {routes.map((route) => (
            <li key={route.id}>
              <div>
                <b>{route.receiver}</b>{' '}
                {mutedBy(route.id).length > 0 && (
                  <span className={styles.warn}>{t.alerts.routes.muted(mutedBy(route.id).join(', '))}</span>
                )}{' '}
                {!hasWay(route.receiver) && <span className={styles.warn}>{d.nobody}</span>}{' '}
                <span className="muted">
                  {d.group} <code className="mono">{selector('', route.groupLabels)}</code> ·{' '}
                  {d.wait(seconds(route.groupWaitSeconds), seconds(route.repeatIntervalSeconds))}
                </span>
              </div>
              {told(route.receiver, route.groupLabels).map((one) => (
                <div key={one.id} className={styles.told} data-outcome={one.outcome}>
                  {t.alerts.deliveries.outcome[one.outcome]}{' '}
                  <span className="muted">
                    {t.common.ago(formatUptime((now - (one.doneAt ?? one.decidedAt)) / 1000, t.locale))} ·{' '}
                    {one.kind} · {reasons[one.reason] ?? one.reason}
                    {one.error !== '' && ` · ${one.error}`}
                  </span>
                </div>
              ))}
            </li>
          ))}
        </ul>
      )}
    </section>
  )
}
