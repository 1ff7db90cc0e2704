import { Button, Skeleton } from '@mantine/core'
import { useMediaQuery } from '@mantine/hooks'
import { IconCalendarSearch } from '@tabler/icons-react'
import { lazy, Suspense, useMemo, useState } from 'react'
import { Message } from '@/components/Message'
import { useMessages } from '@/i18n'
import { errorText } from '@/lib/serverError'
import { EventDetail } from './EventDetail'
import { EventFilters } from './EventFilters'
import { EventList } from './EventList'
import styles from './EventsPage.module.css'
import { useEventsState } from './eventsState'
import { Facets } from './Facets'
import { TimelinePanel } from './TimelinePanel'
import { useEventKeys } from './useEventKeys'
import { useEvents, useLinkedEvent, useOtherCounts } from './useEvents'

const SendEvents = lazy(() => import('./SendEvents').then((m) => ({ default: m.SendEvents })))
const DeriveMetric = lazy(() => import('./DeriveMetric').then((m) => ({ default: m.DeriveMetric })))

/** What the server itself tells of: with nothing else, nobody sends events yet. */
const ownKinds: readonly string[] = ['start', 'stop', 'config']

/** What happened: over time, counted, and one by one. */
export function EventsPage() {
  const e = useMessages('events').events
  const state = useEventsState()
  const { search, change } = state
  const found = useEvents(search)
  const others = useOtherCounts(search)
  const open = useLinkedEvent(search.event, found.events)
  const narrow = useMediaQuery('(width <= 900px)')
  const [facets, setFacets] = useState(false)
  const [deriving, setDeriving] = useState(false)
  const [teaching, setTeaching] = useState(false)
  const pick = (key: string | undefined) => change({ event: key })
  // Who walks with keys wants the row in view; who clicks a mark wants to stay at the timeline.
  const [walkedTo, setWalkedTo] = useState<string | null>(null)
  useEventKeys(found.events, search.event, (key) => {
    setWalkedTo(key ?? null)
    pick(key)
  })
  const total = found.counts?.total ?? 0
  const nobody = useMemo(() => {
    const kinds = Object.keys(found.counts?.kinds ?? {})
    return found.counts !== null && !state.filtered && kinds.every((kind) => ownKinds.includes(kind))
  }, [found.counts, state.filtered])
  return (
    <div className={styles.page}>
      <h1 className={styles.title}>{e.title}</h1>
      <EventFilters
        state={state}
        total={found.counts === null ? null : total}
        onDerive={() => setDeriving(true)}
        onTeach={() => setTeaching(!teaching)}
        teaching={teaching}
        facets={narrow ? facets : null}
        onFacets={() => setFacets(!facets)}
      />
      {found.error !== null && (
        <p className={styles.error} role="alert">
          {errorText(found.error.message)}
        </p>
      )}
      <Suspense>
        {(teaching || nobody) && <SendEvents empty={nobody} />}
        {deriving && <DeriveMetric search={search} onClose={() => setDeriving(false)} />}
      </Suspense>
      {found.loading ? (
        <Skeleton height={240} radius="md" />
      ) : total > 0 ? (
        <TimelinePanel found={found} state={state} onPick={(event) => pick(event.key)} />
      ) : null}
      {!found.loading && total === 0 && found.error === null && !nobody && (
        <Message
          icon={<IconCalendarSearch size={40} stroke={1.4} />}
          title={e.nothing}
          actions={state.filtered && <Button onClick={state.clear}>{e.clear}</Button>}
        >
          {state.filtered ? e.nothingFiltered : e.nothingHint}
        </Message>
      )}
      {(total > 0 || (search.event !== undefined && open !== undefined)) && (
        <div className={styles.body} data-detail={search.event !== undefined || undefined}>
          {(!narrow || facets) && total > 0 && <Facets state={state} counts={found.counts} others={others} />}
          <EventList
            found={found}
            open={search.event ?? null}
            walkedTo={walkedTo}
            onPick={pick}
            narrow={narrow}
          />
          {search.event !== undefined && (
            <EventDetail event={open} state={state} onClose={() => pick(undefined)} />
          )}
        </div>
      )}
    </div>
  )
}
