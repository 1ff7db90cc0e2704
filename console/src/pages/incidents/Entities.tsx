import { Link } from '@tanstack/react-router'
import { fetchEntity } from '@/api/entities'
import type { IncidentDetail, IncidentEntity } from '@/api/incidents'
import { EntityIcon } from '@/components/related/EntityIcon'
import { rangeOf } from '@/lib/incidents'
import { useCurrent } from '@/state/current'
import styles from './incidents.module.css'
import { useWords } from './words'

const neighboursMax = 12
/** Of so many entities the neighbours are asked for. */
const askedMax = 3

/** What an incident is about, and what is beside that. */
export function Entities({ incident }: { readonly incident: IncidentDetail }) {
  const p = useWords().page
  const { entities } = incident
  const asked = entities.slice(0, askedMax)
  const beside = useCurrent(
    ['incident-neighbours', incident.id, asked.map(({ type, id }) => `${type}/${id}`)],
    async (signal) => {
      const range = rangeOf(incident.startedAt, incident.resolvedAt, Date.now())
      const pages = await Promise.all(
        asked.map(({ type, id }) => fetchEntity(type, id, range, signal).catch(() => null)),
      )
      const own = new Set(entities.map(({ type, id }) => `${type}/${id}`))
      const found = new Map<string, IncidentEntity & { readonly health: string }>()
      for (const page of pages) {
        for (const { type, id, name, health } of page?.neighbours ?? []) {
          const key = `${type}/${id}`
          if (!own.has(key)) found.set(key, { type, id, name, health })
        }
      }
      return [...found.values()]
    },
    { slowest: 15_000, enabled: asked.length > 0 },
  )
  if (entities.length === 0) return null
  const neighbours = beside.data ?? []
  return (
    <section className={styles.card} aria-label={p.entities}>
      <h2>{p.entities}</h2>
      <ul className={styles.entities}>
        {entities.map((entity) => (
          <EntityRow key={`${entity.type}/${entity.id}`} entity={entity} />
        ))}
      </ul>
      {neighbours.length > 0 && (
        <>
          <h2>{p.neighbours}</h2>
          <ul className={styles.entities}>
            {neighbours.slice(0, neighboursMax).map((entity) => (
              <EntityRow key={`${entity.type}/${entity.id}`} entity={entity} health={entity.health} />
            ))}
          </ul>
        </>
      )}
    </section>
  )
}

const healthTone: Readonly<Record<string, string>> = { critical: 'bad', warning: 'warn', ok: 'good' }

function EntityRow({ entity, health }: { readonly entity: IncidentEntity; readonly health?: string }) {
  return (
    <li data-tone={healthTone[health ?? ''] ?? 'quiet'}>
      <EntityIcon type={entity.type} size={15} />
      <Link to="/entities/$type" params={{ type: entity.type }} search={{ id: entity.id }}>
        {entity.name}
      </Link>
      {health !== undefined && health !== 'ok' && <small style={{ color: 'var(--tone)' }}>{health}</small>}
    </li>
  )
}
