import { Button, SegmentedControl, Skeleton, TextInput } from '@mantine/core'
import { IconAffiliate, IconSearch } from '@tabler/icons-react'
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { getRouteApi, Link, useNavigate } from '@tanstack/react-router'
import { useEffect, useMemo, useRef, useState } from 'react'
import { entityHealths, entityTypes, fetchEntities, type Entity } from '@/api/entities'
import { Message } from '@/components/Message'
import { EntityIcon } from '@/components/related/EntityIcon'
import { signalIcons } from '@/components/related/RelatedMenu'
import { VirtualTable, type TableColumn } from '@/components/VirtualTable'
import { useMessages, type With } from '@/i18n'
import { formatUptime } from '@/lib/ago'
import { errorText } from '@/lib/serverError'
import { encodeTimePoint, resolveRange } from '@/lib/time'
import { formatCount } from '@/lib/units'
import type { EntitiesSearch } from '@/state/entitiesSearch'
import { liveKey, useNow } from '@/state/live'
import { useTimeState } from '@/state/timeSearch'
import styles from './EntitiesPage.module.css'
import { EntityLink, HealthMark } from './entityParts'

const route = getRouteApi('/entities')

/** Entities that are listed first, and after asking for more. */
const listedFirst = 500
const listedMax = 10_000
const typingMs = 300
const signalOrder = ['metrics', 'logs', 'traces', 'events'] as const

/** Everything that signals are about, as it was in the range in view. */
export function EntitiesPage() {
  const t = useMessages('entities', 'related')
  const e = t.entities
  const search: EntitiesSearch = route.useSearch()
  const navigate = route.useNavigate()
  const go = useNavigate()
  const { range, zone } = useTimeState()
  const now = useNow()
  const [limit, setLimit] = useState(listedFirst)
  const change = (next: EntitiesSearch) =>
    void navigate({ resetScroll: false, search: (old) => ({ ...old, ...next }) })
  const rangeKey = `${encodeTimePoint(range.from)}..${encodeTimePoint(range.to)}@${zone}`
  const asked = useQuery({
    queryKey: [liveKey, 'entities', search.type, search.health, search.text, rangeKey, limit],
    placeholderData: keepPreviousData,
    retry: false,
    queryFn: ({ signal }) => {
      const { from, to } = resolveRange(range, now, zone)
      const { type, health, text } = search
      return fetchEntities(
        {
          from,
          to,
          limit,
          ...(type === undefined ? {} : { type }),
          ...(health === undefined ? {} : { health }),
          ...(text === undefined ? {} : { text }),
        },
        signal,
      )
    },
  })
  const columns = useMemo(() => columnsOf(t, now), [t, now])
  const found = asked.data
  const types = found?.types ?? {}
  const all = Object.values(types).reduce((sum, n) => sum + n, 0)
  const filtered = search.type !== undefined || search.health !== undefined || search.text !== undefined
  return (
    <div className={styles.page}>
      <h1 className={styles.title}>{e.title}</h1>
      <div className={styles.bar}>
        <SearchText value={search.text ?? ''} onChange={(text) => change({ text })} />
        <SegmentedControl
          size="xs"
          aria-label={e.health}
          value={search.health ?? ''}
          onChange={(health) => change({ health: entityHealths.find((known) => known === health) })}
          data={[
            { value: '', label: t.common.all },
            ...entityHealths.map((value) => ({ value, label: e.healths[value] ?? value })),
          ]}
        />
        <span role="status" className={styles.total}>
          {found === undefined ? '' : e.total(found.total, formatCount(found.total))}
        </span>
      </div>
      <ul className={styles.types} aria-label={e.type}>
        {[undefined, ...entityTypes].map((type) => {
          const count = type === undefined ? all : (types[type] ?? 0)
          if (count === 0 && type !== search.type && type !== undefined) return null
          return (
            <li key={type ?? ''}>
              <button type="button" aria-pressed={search.type === type} onClick={() => change({ type })}>
                {type !== undefined && <EntityIcon type={type} size={15} />}
                {type === undefined ? t.common.all : t.related.entityTypes[type]}
                <b>{formatCount(count)}</b>
              </button>
            </li>
          )
        })}
      </ul>
      {asked.error !== null && (
        <p className={styles.error} role="alert">
          {errorText(asked.error.message)}
        </p>
      )}
      {asked.isPending ? (
        <Skeleton height={360} radius="md" />
      ) : found?.total === 0 ? (
        <Message
          icon={<IconAffiliate size={44} stroke={1.3} />}
          title={filtered ? e.nothing : e.empty}
          actions={
            filtered ? (
              <Button onClick={() => change({ type: undefined, health: undefined, text: undefined })}>
                {e.clear}
              </Button>
            ) : (
              <>
                <Button variant="default" renderRoot={(props) => <Link {...props} to="/traces" />}>
                  {e.sendTraces}
                </Button>
                <Button variant="default" renderRoot={(props) => <Link {...props} to="/logs" />}>
                  {e.sendLogs}
                </Button>
              </>
            )
          }
        >
          {filtered ? e.nothingHint : e.emptyHint}
        </Message>
      ) : (
        found !== undefined && (
          <section className={styles.panel}>
            <VirtualTable
              label={e.title}
              rows={found.entities}
              columns={columns}
              rowKey={(row) => `${row.type}/${row.id}`}
              initialSort={{ key: 'health', descending: false }}
              height={Math.max(window.innerHeight - 250, 320)}
              minWidth={860}
              onRow={(row) =>
                void go({ to: '/entities/$type', params: { type: row.type }, search: { id: row.id } })
              }
            />
            {found.total > found.entities.length && (
              <p className={styles.more}>
                {e.listed(formatCount(found.entities.length), formatCount(found.total))}
                {limit < listedMax && (
                  <Button variant="subtle" size="compact-sm" onClick={() => setLimit(listedMax)}>
                    {e.listMore}
                  </Button>
                )}
              </p>
            )}
          </section>
        )
      )}
    </div>
  )
}

const told = ['service.version', 'deployment.environment.name', 'k8s.namespace.name', 'os.type', 'db.system']

function columnsOf(t: With<'entities' | 'related'>, now: number): readonly TableColumn<Entity>[] {
  const e = t.entities
  const rank = (health: string) => entityHealths.findIndex((known) => known === health)
  const attributes = ({ attributes: of }: Entity) =>
    [...told, ...Object.keys(of).filter((name) => !told.includes(name))]
      .flatMap((name) => (of[name] === undefined ? [] : [of[name]]))
      .slice(0, 4)
      .join(' · ')
  return [
    {
      key: 'health',
      title: e.health,
      width: '96px',
      value: (row) => `${rank(row.health)} ${entityTypes.findIndex((type) => type === row.type)} ${row.id}`,
      cell: (row) => <HealthMark health={row.health} word />,
    },
    {
      key: 'id',
      title: t.common.name,
      width: 'minmax(200px, 3fr)',
      value: (row) => row.id,
      cell: (row) => <EntityLink type={row.type} id={row.id} />,
    },
    {
      key: 'type',
      title: e.type,
      width: '104px',
      value: (row) => entityTypes.findIndex((type) => type === row.type),
      cell: (row) => <span className="muted">{t.related.entityTypes[row.type] ?? row.type}</span>,
    },
    {
      key: 'alerts',
      title: e.alerts,
      width: '78px',
      numeric: true,
      value: (row) => row.alerts,
      cell: (row) => (row.alerts === 0 ? '' : formatCount(row.alerts)),
    },
    {
      key: 'signals',
      title: e.signals,
      width: '104px',
      value: (row) => row.seenIn.length,
      cell: (row) => (
        <span className={styles.signals}>
          {signalOrder.map((name) => {
            const Sign = signalIcons[name]
            const seen = row.seenIn.includes(name)
            return (
              <Sign
                key={name}
                size={15}
                stroke={1.7}
                data-seen={seen || undefined}
                role="img"
                aria-label={seen ? t.related.signals[name] : undefined}
                aria-hidden={!seen}
              />
            )
          })}
        </span>
      ),
    },
    {
      key: 'about',
      title: e.attributes,
      width: 'minmax(120px, 2fr)',
      value: attributes,
      cell: (row) => <span className="muted">{attributes(row)}</span>,
    },
    {
      key: 'seen',
      title: e.lastSeen,
      width: '116px',
      numeric: true,
      value: (row) => row.lastSeen ?? 0,
      cell: (row) =>
        row.lastSeen === null ? '' : t.common.ago(formatUptime((now - row.lastSeen) / 1000, t.locale)),
    },
  ]
}

interface SearchTextProps {
  readonly value: string
  readonly onChange: (text: string | undefined) => void
}

function SearchText({ value, onChange }: SearchTextProps) {
  const e = useMessages('entities').entities
  const [text, setText] = useState(value)
  const [sent, setSent] = useState(value)
  // Going back, or a link, replaces what was typed.
  if (sent !== value) {
    setSent(value)
    setText(value)
  }
  const timer = useRef(0)
  useEffect(() => () => window.clearTimeout(timer.current), [])
  const commit = (next: string) => {
    window.clearTimeout(timer.current)
    setSent(next.trim())
    onChange(next.trim() === '' ? undefined : next.trim())
  }
  return (
    <TextInput
      className={styles.text}
      data-main-input
      aria-label={e.search}
      placeholder={e.search}
      leftSection={<IconSearch size={15} />}
      value={text}
      onChange={(event) => {
        const next = event.currentTarget.value
        setText(next)
        window.clearTimeout(timer.current)
        timer.current = window.setTimeout(() => commit(next), typingMs)
      }}
      onKeyDown={(event) => {
        if (event.key === 'Enter') commit(text)
        if (event.key === 'Escape') event.currentTarget.blur()
      }}
    />
  )
}
