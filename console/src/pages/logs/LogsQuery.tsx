import { Button } from '@mantine/core'
import { IconBraces, IconFilterCog } from '@tabler/icons-react'
import { useQueryClient } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useEffect, useMemo, useRef } from 'react'
import { formatLogQuery, type Span } from '@/api/logs'
import { HistoryMenu } from '@/components/HistoryMenu'
import { Fact, InspectedExchange, Inspection } from '@/components/Inspection'
import { PlanTree } from '@/components/plan/PlanTree'
import { QueryBar } from '@/components/QueryBar'
import { useMessages } from '@/i18n'
import { epochMs } from '@/lib/brand'
import { errorText } from '@/lib/serverError'
import { resolveRange } from '@/lib/time'
import { formatCount, formatSeconds, formatValue } from '@/lib/units'
import { logqlHistory } from '@/state/queryHistory'
import { useTimeState } from '@/state/timeSearch'
import { say } from '@/state/toasts'
import { logqlExtension } from './logqlExtension'
import type { LogsState } from './logsSearch'
import type { Page } from './pages'
import { SavedMenu } from './SavedMenu'

interface LogsQueryProps {
  readonly draft: string
  /** The text an error speaks of. */
  readonly ran: string
  readonly onDraft: (text: string) => void
  readonly onRun: (text: string) => void
  readonly running: boolean
  readonly error: Error | null
  readonly first: Page | null
  readonly state: LogsState
  readonly inspecting: boolean
  readonly onInspect: (inspecting: boolean) => void
}

/** The query of Logs. */
export function LogsQuery({
  draft,
  ran,
  onDraft,
  onRun,
  running,
  error,
  first,
  state,
  inspecting,
  onInspect,
}: LogsQueryProps) {
  const t = useMessages('logs')
  const client = useQueryClient()
  const { range, zone } = useTimeState()
  const times = useRef({ range, zone })
  useEffect(() => {
    times.current = { range, zone }
  })
  const language = useMemo(() => {
    const span = (): Span => resolveRange(times.current.range, epochMs(Date.now()), times.current.zone)
    return logqlExtension(client, span)
  }, [client])
  const format = async () => {
    try {
      onDraft(await formatLogQuery(draft))
    } catch (cause) {
      say(`${t.query.formatFailed}: ${errorText(cause instanceof Error ? cause.message : '')}`, 'bad')
    }
  }
  return (
    <>
      <QueryBar
        label={t.logs.query}
        hint={t.logs.placeholder}
        language={language}
        draft={draft}
        ran={ran}
        onDraft={onDraft}
        onRun={onRun}
        running={running}
        error={error}
        inspecting={inspecting}
        onInspect={onInspect}
        actions={
          <>
            <SavedMenu query={ran} state={state} />
            <HistoryMenu history={logqlHistory} onPick={onRun} />
            <Button
              variant="subtle"
              color="gray"
              leftSection={<IconBraces size={15} />}
              onClick={() => void format()}
              disabled={draft.trim() === ''}
            >
              {t.query.format}
            </Button>
            <Button
              component={Link}
              to="/pipelines"
              variant="subtle"
              color="gray"
              leftSection={<IconFilterCog size={15} />}
            >
              {t.logs.pipelines}
            </Button>
          </>
        }
      />
      {inspecting && first !== null && <Inspected query={ran} page={first} />}
    </>
  )
}

/** What the first page cost; further pages cost as much. */
function Inspected({ query, page }: { readonly query: string; readonly page: Page }) {
  const i = useMessages('logs').logs.inspect
  const { stats, exchange } = page
  return (
    <Inspection>
      <InspectedExchange
        name={i.list}
        exchange={exchange}
        facts={
          <>
            <Fact name={i.lines} value={formatCount(stats.lines)} />
            <Fact name={i.read} value={formatValue(stats.bytes, 'bytes')} />
            <Fact name={i.exec} value={formatSeconds(stats.execSeconds)} />
            <Fact name={i.queue} value={formatSeconds(stats.queueSeconds)} />
          </>
        }
      >
        <PlanTree key={query} url={exchange.url} subject={query} />
      </InspectedExchange>
    </Inspection>
  )
}
