import { useState } from 'react'
import type { EventCounts } from '@/api/events'
import { useMessages } from '@/i18n'
import { formatCount } from '@/lib/units'
import { eventFacets, type EventFacet } from '@/state/eventsSearch'
import styles from './Facets.module.css'
import type { EventsState } from './eventsState'

interface FacetsProps {
  readonly state: EventsState
  readonly counts: EventCounts | null
  /** Of a condition that is set: counts as they would be without it. */
  readonly others: ReadonlyMap<EventFacet, Readonly<Record<string, number>>>
}

const shortMax = 8

/** Values with how often they come; a click shows only those. */
export function Facets({ state, counts, others }: FacetsProps) {
  const e = useMessages('events').events
  return (
    <aside className={styles.facets} aria-label={e.facets}>
      {eventFacets.map(([name, asked]) => {
        const chosen = state.search[name] ?? []
        const known = { ...(others.get(name) ?? counts?.facets[asked] ?? {}) }
        for (const value of chosen) known[value] ??= 0
        return <Facet key={name} name={name} known={known} chosen={chosen} state={state} />
      })}
    </aside>
  )
}

interface FacetProps {
  readonly name: EventFacet
  readonly known: Readonly<Record<string, number>>
  readonly chosen: readonly string[]
  readonly state: EventsState
}

function Facet({ name, known, chosen, state }: FacetProps) {
  const t = useMessages('events')
  const e = t.events
  const [all, setAll] = useState(false)
  const values = Object.entries(known).sort((a, b) => b[1] - a[1] || a[0].localeCompare(b[0]))
  if (values.length === 0) return null
  const most = Math.max(...values.map(([, count]) => count), 1)
  const shown = all ? values : values.filter(([value], i) => i < shortMax || chosen.includes(value))
  return (
    <section>
      <h2>{e.facetNames[name]}</h2>
      <ul>
        {shown.map(([value, count]) => (
          <li key={value}>
            <button
              type="button"
              aria-pressed={chosen.includes(value)}
              disabled={value === '(other)'}
              onClick={() => state.toggle(name, value)}
            >
              <i style={{ width: `${(count / most) * 100}%` }} />
              <span className="clip" title={value}>
                {value === '(other)'
                  ? e.otherLanes
                  : name === 'result'
                    ? (t.common.results[value] ?? value)
                    : value}
              </span>
              <b>{formatCount(count)}</b>
            </button>
          </li>
        ))}
      </ul>
      {values.length > shown.length && (
        <button type="button" className={styles.more} onClick={() => setAll(true)}>
          {e.showAll(values.length)}
        </button>
      )}
    </section>
  )
}
