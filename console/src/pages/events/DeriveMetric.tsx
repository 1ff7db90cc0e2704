import { Button, Modal } from '@mantine/core'
import { IconChartLine } from '@tabler/icons-react'
import { Link } from '@tanstack/react-router'
import { CodeBlock } from '@/components/CodeBlock'
import { useMessages } from '@/i18n'
import { eventPipeline, eventQuery } from '@/lib/eventMetric'
import type { EventsSearch } from '@/state/eventsSearch'
import styles from './DeriveMetric.module.css'

interface DeriveMetricProps {
  readonly search: EventsSearch
  readonly onClose: () => void
}

/** What is seen here as numbers: the counter that is always there, and how to derive further ones. */
export function DeriveMetric({ search, onClose }: DeriveMetricProps) {
  const t = useMessages('events')
  const d = t.events.deriving
  const query = eventQuery(search)
  return (
    <Modal
      opened
      onClose={onClose}
      title={d.title}
      size="xl"
      closeButtonProps={{ 'aria-label': t.common.close }}
    >
      <div className={styles.steps}>
        <h3>{d.counted}</h3>
        <p>{d.countedHint}</p>
        <CodeBlock text={query} language="text" />
        <Button
          variant="default"
          leftSection={<IconChartLine size={15} />}
          renderRoot={(props) => <Link {...props} to="/explore" search={{ q: [query] }} />}
        >
          {t.common.openInExplore}
        </Button>
        <h3>{d.derived}</h3>
        <p>{d.derivedHint}</p>
        <CodeBlock text={eventPipeline(search)} language="yaml" />
        <h3>{d.alert}</h3>
        <p>{d.alertHint}</p>
        <CodeBlock text={'increase(events_total{kind="cron"}[1d]) == 0'} language="text" />
      </div>
    </Modal>
  )
}
