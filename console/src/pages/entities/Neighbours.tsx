import { Button } from '@mantine/core'
import { useMemo, useState } from 'react'
import type { EntityPage, Neighbour } from '@/api/entities'
import { useMessages } from '@/i18n'
import { dateTimeText } from '@/lib/clockText'
import { useTimeState } from '@/state/timeSearch'
import styles from './Side.module.css'
import { EntityLink, HealthMark } from './entityParts'

interface NeighboursProps {
  readonly entity: EntityPage
  readonly range: { readonly from: number; readonly to: number }
}

const shownFirst = 12
/** What matters most first: who calls, who is called, where it runs, what belongs to it. */
const order = ['calls_in', 'calls_out', 'runs_on_out', 'runs_on_in', 'part_of_out', 'part_of_in'] as const

/** Who is beside it, by relation, and in which part of the range that held. */
export function Neighbours({ entity, range }: NeighboursProps) {
  const e = useMessages('entities').entities
  const groups = useMemo(() => {
    const by = new Map<string, Neighbour[]>()
    for (const neighbour of entity.neighbours) {
      const key = `${neighbour.relation}_${neighbour.incoming ? 'in' : 'out'}`
      by.set(key, [...(by.get(key) ?? []), neighbour])
    }
    return order.flatMap((key) => {
      const members = by.get(key)
      return members === undefined ? [] : [{ key, members }]
    })
  }, [entity.neighbours])
  return (
    <section className={styles.panel} aria-label={e.neighbours}>
      <h2>{e.neighbours}</h2>
      {groups.length === 0 && <p className={styles.note}>{e.noNeighbours}</p>}
      {groups.map(({ key, members }) => (
        <Group key={key} title={e.relations[key]} members={members} range={range} />
      ))}
    </section>
  )
}

interface GroupProps {
  readonly title: string
  readonly members: readonly Neighbour[]
  readonly range: NeighboursProps['range']
}

const graveness: Readonly<Record<string, number>> = { critical: 0, warning: 1, ok: 2, gone: 3 }

function Group({ title, members, range }: GroupProps) {
  const e = useMessages('entities').entities
  const { zone } = useTimeState()
  const [all, setAll] = useState(false)
  const sorted = [...members].sort(
    (a, b) =>
      (graveness[a.health] ?? 2) - (graveness[b.health] ?? 2) ||
      a.type.localeCompare(b.type) ||
      a.id.localeCompare(b.id, undefined, { numeric: true }),
  )
  const shown = all ? sorted : sorted.slice(0, shownFirst)
  const share = (at: number) =>
    Math.min(Math.max((at - range.from) / Math.max(range.to - range.from, 1), 0), 1) * 100
  return (
    <div className={styles.group}>
      <h3>
        {title} <em>{members.length}</em>
      </h3>
      <ul>
        {shown.map((n) => {
          const left = share(n.from)
          const told = e.held(dateTimeText(n.from, zone), dateTimeText(n.to, zone))
          return (
            <li key={`${n.type}/${n.id}`}>
              <HealthMark health={n.health} />
              <EntityLink type={n.type} id={n.id} />
              <span className={styles.validity} role="img" aria-label={told} title={told}>
                <i style={{ left: `${left}%`, width: `${Math.max(share(n.to) - left, 2)}%` }} />
              </span>
            </li>
          )
        })}
      </ul>
      {members.length > shown.length && (
        <Button variant="subtle" size="compact-xs" onClick={() => setAll(true)}>
          {e.showAll(members.length)}
        </Button>
      )}
    </div>
  )
}
