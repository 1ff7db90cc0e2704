import { Button, Tooltip } from '@mantine/core'
import { IconEraser, IconPlayerPause, IconPlayerPlay } from '@tabler/icons-react'
import { useEffect, useMemo, useRef, useState } from 'react'
import { useMessages } from '@/i18n'
import { tailLinesMax } from '@/lib/tailBuffer'
import { formatCount, significant } from '@/lib/units'
import { ExportMenu } from './ExportMenu'
import { LineBrowser } from './LineBrowser'
import { Pill } from './LinesPanel'
import lineStyles from './LinesPanel.module.css'
import type { LogsChange, LogsState } from './logsSearch'
import styles from './TailPanel.module.css'
import { tailLines, useTail } from './useTail'

interface TailPanelProps {
  readonly query: string
  readonly state: LogsState
  readonly change: (change: LogsChange) => void
  readonly onQuery: (query: string) => void
  /** Called with what the server says against the query. */
  readonly onError: (error: Error | null) => void
}

/** Lines as they come, the newest at the top. Who scrolls away from there pauses it. */
export function TailPanel({ query, state, change, onQuery, onError }: TailPanelProps) {
  const l = useMessages('logs').logs
  const tail = useTail(query)
  const { error } = tail
  useEffect(() => onError(error), [error, onError])
  const lines = useMemo(() => tailLines(tail.lines), [tail.lines])
  const { paused } = tail
  const [top, setTop] = useState(0)
  const setPaused = (next: boolean) => {
    if (!next) setTop((old) => old + 1)
    tail.setPaused(next)
  }
  const latest = useRef({ paused, setPaused })
  useEffect(() => {
    latest.current = { paused, setPaused }
  })
  useEffect(() => {
    const listen = (event: KeyboardEvent) => {
      const target = event.target instanceof HTMLElement ? event.target : null
      if (event.key !== 'p' || event.metaKey || event.ctrlKey || event.altKey) return
      if (target !== null && (target.isContentEditable || /^(INPUT|TEXTAREA)$/.test(target.tagName))) return
      latest.current.setPaused(!latest.current.paused)
    }
    window.addEventListener('keydown', listen)
    return () => window.removeEventListener('keydown', listen)
  }, [])
  const status = paused && tail.status === 'open' ? l.tail.paused : l.tail[tail.status]
  return (
    <LineBrowser
      query={query}
      lines={lines}
      state={state}
      change={change}
      onQuery={onQuery}
      loading={false}
      focus={null}
      top={top}
      onEnd={() => undefined}
      onAway={(away) => {
        if (away) setPaused(true)
      }}
      summary={
        <span className={styles.status}>
          <i data-status={paused ? 'paused' : tail.status} />
          <b>{status}</b>
          <span>{l.tail.received(formatCount(tail.received))}</span>
          {tail.rate > 0 && <span>{l.tail.rate(significant(tail.rate, 2))}</span>}
          {tail.held.length > 0 && <span>{l.tail.waiting(formatCount(tail.held.length))}</span>}
          <Tooltip label={l.tail.droppedHelp(formatCount(tailLinesMax))} multiline maw={320}>
            <span data-dropped={tail.dropped > 0 || undefined} tabIndex={0}>
              {l.tail.dropped(formatCount(tail.dropped))}
            </span>
          </Tooltip>
        </span>
      }
      actions={
        <>
          <Button
            variant="default"
            leftSection={paused ? <IconPlayerPlay size={14} /> : <IconPlayerPause size={14} />}
            onClick={() => setPaused(!paused)}
          >
            {paused ? l.tail.resume : l.tail.pause}
          </Button>
          <Button variant="subtle" color="gray" leftSection={<IconEraser size={15} />} onClick={tail.clear}>
            {l.tail.clear}
          </Button>
          <ExportMenu query={query} lines={lines} first={null} state={state} />
        </>
      }
      above={
        paused && tail.held.length > 0 ? (
          <Pill label={l.newLines(formatCount(tail.held.length))} onClick={() => setPaused(false)} />
        ) : null
      }
      footer={lines.length === 0 ? <p className={lineStyles.footer}>{l.tail.quiet}</p> : null}
      instead={null}
    />
  )
}
