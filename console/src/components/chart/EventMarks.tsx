import { Button } from '@mantine/core'
import { IconFlag3 } from '@tabler/icons-react'
import type { ReactNode } from 'react'
import { useMessages } from '@/i18n'
import { ChartEventsProvider, showEvents, useRangeEvents } from '@/state/chartEvents'

/** Charts within mark what happened in their range. */
export function EventMarks({ children }: { readonly children: ReactNode }) {
  return <ChartEventsProvider value={useRangeEvents().events}>{children}</ChartEventsProvider>
}

export function EventsToggle() {
  const t = useMessages()
  const on = showEvents.use()
  const { leftOut } = useRangeEvents()
  const kinds = leftOut.map(([kind, count]) => `${kind} (${String(count)})`).join(', ')
  return (
    <Button
      variant="subtle"
      color={on ? 'ember' : 'gray'}
      size="compact-sm"
      leftSection={<IconFlag3 size={15} />}
      aria-pressed={on}
      title={kinds === '' ? t.query.eventsHelp : `${t.query.eventsHelp}\n${t.query.eventsLeftOut(kinds)}`}
      onClick={() => showEvents.set(!on)}
    >
      {t.query.events}
    </Button>
  )
}
