import { Button } from '@mantine/core'
import { IconBellRinging, IconTopologyStar3 } from '@tabler/icons-react'
import { Link } from '@tanstack/react-router'
import type { RuleAlert } from '@/api/alerting'
import type { EntityPage } from '@/api/entities'
import { EntityIcon } from '@/components/related/EntityIcon'
import { signalIcons } from '@/components/related/RelatedMenu'
import { useMessages } from '@/i18n'
import { formatUptime } from '@/lib/ago'
import { severityOf } from '@/lib/alerts'
import { dateTimeText } from '@/lib/clockText'
import { waysTo } from '@/lib/related'
import { formatCount } from '@/lib/units'
import { useNow } from '@/state/live'
import { useTimeState } from '@/state/timeSearch'
import styles from './EntityHeader.module.css'
import { HealthMark } from './entityParts'

interface EntityHeaderProps {
  readonly entity: EntityPage
  readonly alerts: readonly RuleAlert[]
  readonly range: { readonly from: number; readonly to: number }
}

/** Who it is, how it is, and the ways to its signals. */
export function EntityHeader({ entity, alerts, range }: EntityHeaderProps) {
  const t = useMessages('entities', 'related')
  const e = t.entities
  const { zone } = useTimeState()
  const now = useNow()
  const seen = (at: number | null) => (at === null ? '–' : dateTimeText(at, zone))
  return (
    <section className={styles.head} data-health={entity.health} aria-label={entity.name}>
      <div className={styles.name}>
        <EntityIcon type={entity.type} size={26} />
        <div>
          <p>
            <Link to="/entities" search={{ type: entity.type as never }}>
              {t.related.entityTypes[entity.type] ?? entity.type}
            </Link>
            {entity.id !== entity.name && <span> · {entity.id}</span>}
          </p>
          <h1>{entity.name}</h1>
        </div>
        <HealthMark health={entity.health} word />
        <span className={styles.seen}>
          {e.seen(
            seen(entity.firstSeen),
            entity.lastSeen === null
              ? '–'
              : t.common.ago(formatUptime(Math.max(now - entity.lastSeen, 0) / 1000, t.locale)),
          )}
        </span>
      </div>
      {alerts.length > 0 && (
        <ul className={styles.alerts} aria-label={e.firing}>
          {alerts.map((alert, i) => (
            <li key={i}>
              <Link to="/alerts" search={{ filter: `alertname="${alert.labels.alertname ?? ''}"` }}>
                <IconBellRinging size={14} aria-hidden />
                <b>{alert.labels.alertname ?? ''}</b>
                <span>{severityOf(alert.labels)}</span>
                <span className="clip">
                  {alert.annotations.summary ?? alert.annotations.description ?? ''}
                </span>
              </Link>
            </li>
          ))}
        </ul>
      )}
      <div className={styles.ways}>
        {waysTo(entity.signals, range).map((way) => {
          const Sign = signalIcons[way.signal]
          return (
            <Button
              key={way.signal}
              variant="default"
              data-signal={way.signal}
              leftSection={<Sign size={15} />}
              rightSection={
                <em className={styles.count}>
                  {t.related.counts[way.signal](way.count, formatCount(way.count))}
                </em>
              }
              renderRoot={(props) => <Link {...props} to={way.to} search={way.search as never} />}
            >
              {t.related.signals[way.signal]}
            </Button>
          )
        })}
        {entity.type === 'service' && (
          <Button
            variant="default"
            leftSection={<IconTopologyStar3 size={15} />}
            renderRoot={(props) => (
              <Link {...props} to="/traces/map" search={{ service: entity.name, hops: '1' as const }} />
            )}
          >
            {e.onMap}
          </Button>
        )}
      </div>
      <Attributes attributes={entity.attributes} />
    </section>
  )
}

function Attributes({ attributes }: { readonly attributes: EntityPage['attributes'] }) {
  const names = Object.keys(attributes)
  if (names.length === 0) return null
  return (
    <dl className={styles.attributes}>
      {names.map((name) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{attributes[name]}</dd>
        </div>
      ))}
    </dl>
  )
}
