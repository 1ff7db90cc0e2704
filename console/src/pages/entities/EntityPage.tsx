import { Button, Skeleton } from '@mantine/core'
import { IconGhost2 } from '@tabler/icons-react'
import { getRouteApi, Link, Navigate } from '@tanstack/react-router'
import { ApiError } from '@/api/http'
import { Message } from '@/components/Message'
import { useMessages } from '@/i18n'
import { errorText } from '@/lib/serverError'
import { ChartEventsProvider } from '@/state/chartEvents'
import { Changes } from './Changes'
import { EntityHeader } from './EntityHeader'
import styles from './EntityPage.module.css'
import { Neighbours } from './Neighbours'
import { NewestRecords } from './NewestRecords'
import { SignalStack } from './SignalStack'
import { useEntity, useEntityAlerts, useEntityEvents, useNewest } from './useEntity'

const route = getRouteApi('/entities/$type')

/** One entity: how it is, its signals on one axis, who is beside it, and what changed. */
export function EntityPage() {
  const { type } = route.useParams()
  const { id } = route.useSearch()
  if (id === undefined || id === '') return <Navigate to="/entities" search={{ type: type as never }} />
  return <Known key={`${type}/${id}`} type={type} id={id} />
}

function Known({ type, id }: { readonly type: string; readonly id: string }) {
  const e = useMessages('entities').entities
  const asked = useEntity(type, id)
  const entity = asked.data?.entity
  const events = useEntityEvents(entity)
  const alerts = useEntityAlerts(entity)
  const newest = useNewest(type, id)
  if (asked.data === undefined || entity === undefined) {
    if (asked.error === null) return <Skeleton height={480} radius="md" />
    const missing = asked.error instanceof ApiError && asked.error.kind === 'missing'
    return (
      <Message
        icon={<IconGhost2 size={44} stroke={1.3} />}
        title={missing ? e.missing(id) : e.failed}
        actions={
          <Button variant="default" renderRoot={(props) => <Link {...props} to="/entities" />}>
            {e.toCatalogue}
          </Button>
        }
      >
        {missing ? e.missingHint : errorText(asked.error.message)}
      </Message>
    )
  }
  const range = { from: asked.data.from, to: asked.data.to }
  return (
    <div className={styles.page}>
      <EntityHeader entity={entity} alerts={alerts} range={range} />
      <div className={styles.body}>
        <div className={styles.signals}>
          <ChartEventsProvider value={events}>
            <SignalStack entity={entity} events={events} range={range} />
          </ChartEventsProvider>
          {newest.data !== undefined && <NewestRecords preview={newest.data} />}
        </div>
        <div className={styles.side}>
          <Neighbours entity={entity} range={range} />
          <Changes entity={entity} events={events} range={range} />
        </div>
      </div>
    </div>
  )
}
