import { Button, Menu } from '@mantine/core'
import { IconArrowsDiff } from '@tabler/icons-react'
import { useQueryClient } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useEffect, useMemo, useRef, useState } from 'react'
import type { TraceRange } from '@/api/traces'
import type { Exchange } from '@/api/types'
import { HistoryMenu } from '@/components/HistoryMenu'
import { InspectedExchange, Inspection } from '@/components/Inspection'
import { QueryBar } from '@/components/QueryBar'
import { useMessages } from '@/i18n'
import { epochMs } from '@/lib/brand'
import { resolveRange } from '@/lib/time'
import { filterOf } from '@/lib/traceql/filter'
import { traceqlHistory } from '@/state/queryHistory'
import { useTimeState } from '@/state/timeSearch'
import { Filters } from './Filters'
import { traceqlExtension } from './traceqlExtension'

interface TracesQueryProps {
  readonly draft: string
  /** The text an error speaks of. */
  readonly ran: string
  readonly onDraft: (text: string) => void
  readonly onRun: (text: string) => void
  readonly running: boolean
  readonly error: Error | null
  readonly exchange: Exchange | null
  /** What the slowest of those shown take at least, as a query writes it; null where nothing is shown. */
  readonly slow: string | null
}

/** The query as text and as controls: both say the same. */
export function TracesQuery(props: TracesQueryProps) {
  const { draft, ran, onDraft, onRun, running, error, exchange, slow } = props
  const t = useMessages('traces')
  const client = useQueryClient()
  const { range, zone } = useTimeState()
  const [inspecting, setInspecting] = useState(false)
  const times = useRef({ range, zone })
  useEffect(() => {
    times.current = { range, zone }
  })
  const language = useMemo(() => {
    const now = (): TraceRange => resolveRange(times.current.range, epochMs(Date.now()), times.current.zone)
    return traceqlExtension(client, now)
  }, [client])
  return (
    <>
      <QueryBar
        label={t.traces.query}
        hint={t.traces.placeholder}
        language={language}
        draft={draft}
        ran={ran}
        onDraft={onDraft}
        onRun={onRun}
        running={running}
        error={error}
        inspecting={inspecting}
        onInspect={setInspecting}
        filters={<Filters query={draft} onQuery={onRun} />}
        actions={
          <>
            <HistoryMenu history={traceqlHistory} onPick={onRun} />
            <Menu position="bottom-start" withinPortal>
              <Menu.Target>
                <Button variant="subtle" color="gray" leftSection={<IconArrowsDiff size={15} />}>
                  {t.traces.apart}
                </Button>
              </Menu.Target>
              <Menu.Dropdown>
                <Apart query={ran} selection={filterOf([{ field: 'status', op: '=', value: 'error' }])}>
                  {t.traces.apartErrors}
                </Apart>
                {slow !== null && (
                  <Apart query={ran} selection={filterOf([{ field: 'duration', op: '>=', value: slow }])}>
                    {t.traces.apartSlow(slow)}
                  </Apart>
                )}
              </Menu.Dropdown>
            </Menu>
          </>
        }
      />
      {inspecting && exchange !== null && (
        <Inspection>
          <InspectedExchange name={t.traces.title} exchange={exchange} />
        </Inspection>
      )}
    </>
  )
}

interface ApartProps {
  readonly query: string
  readonly selection: string
  readonly children: string
}

function Apart({ query, selection, children }: ApartProps) {
  return (
    <Menu.Item
      renderRoot={(props) => <Link {...props} to="/traces/compare" search={{ q: query, sel: selection }} />}
    >
      {children}
    </Menu.Item>
  )
}
