import { Button } from '@mantine/core'
import { IconArrowUp, IconDatabaseSearch } from '@tabler/icons-react'
import { useState } from 'react'
import { Message } from '@/components/Message'
import { useMessages } from '@/i18n'
import { ms } from '@/lib/brand'
import { dateTimeText } from '@/lib/clockText'
import type { LogLine } from '@/lib/logLine'
import { msOf, type Nanos } from '@/lib/nanos'
import { absoluteRange } from '@/lib/time'
import { formatCount } from '@/lib/units'
import { useTimeState } from '@/state/timeSearch'
import { ExportMenu } from './ExportMenu'
import { LineBrowser } from './LineBrowser'
import styles from './LinesPanel.module.css'
import type { LogsChange, LogsState } from './logsSearch'
import { fetchPage } from './pages'
import type { Histogram } from './useHistogram'
import type { Lines } from './useLines'

interface LinesPanelProps {
  readonly query: string
  readonly lines: Lines
  readonly histogram: Histogram
  readonly state: LogsState
  readonly change: (change: LogsChange) => void
  readonly onQuery: (query: string) => void
}

/** The lines of a range: those that came meanwhile wait until one is back at the newest. */
export function LinesPanel({ query, lines, histogram, state, change, onQuery }: LinesPanelProps) {
  const l = useMessages('logs').logs
  // The newest line that was shown; what is newer waits. Known only while one looks at older lines.
  const [held, setHeld] = useState<string | null>(null)
  const [top, setTop] = useState(0)
  const all = lines.lines
  const at = held === null ? -1 : all.findIndex(({ id }) => id === held)
  const waiting = Math.max(at, 0)
  const shown = waiting === 0 ? all : all.slice(waiting)
  const nothing = all.length === 0 && !lines.loading
  const total = histogram.total
  const counts = [
    total === null || nothing ? null : l.about(formatCount(Math.max(total, all.length))),
    lines.hasMore || lines.full ? l.loaded(formatCount(all.length)) : null,
  ]
  const exact = !lines.hasMore && !lines.full && lines.first?.newer === false && !nothing
  const toNewest = () => {
    setHeld(null)
    setTop(top + 1)
  }
  return (
    <LineBrowser
      query={query}
      lines={shown}
      state={state}
      change={change}
      onQuery={onQuery}
      summary={exact ? l.total(formatCount(all.length)) : counts.filter((text) => text !== null).join(' · ')}
      actions={<ExportMenu query={query} lines={all} first={lines.first} state={state} />}
      loading={lines.loading}
      focus={state.line}
      top={top}
      onEnd={lines.loadMore}
      onAway={(away) => {
        setHeld(away && state.order === 'newest' ? (shown[0]?.id ?? null) : null)
      }}
      above={
        <>
          {waiting > 0 && <Pill label={l.newLines(formatCount(waiting))} onClick={toNewest} />}
          {waiting === 0 && state.line !== null && lines.first?.newer === true && (
            <Pill label={l.loadNewer} onClick={() => void lines.loadNewer()} />
          )}
          {state.line !== null && (
            <Pill
              label={l.toNewest}
              onClick={() => {
                toNewest()
                change({ line: null })
              }}
            />
          )}
        </>
      }
      footer={nothing ? null : <Footer lines={lines} all={all} state={state} />}
      instead={
        nothing && lines.first !== null ? <Nothing query={query} before={lines.first.bounds.start} /> : null
      }
    />
  )
}

interface PillProps {
  readonly label: string
  readonly onClick: () => void
}

export function Pill({ label, onClick }: PillProps) {
  return (
    <button type="button" className={styles.fresh} onClick={onClick}>
      <IconArrowUp size={14} aria-hidden /> {label}
    </button>
  )
}

interface FooterProps {
  readonly lines: Lines
  readonly all: readonly LogLine[]
  readonly state: LogsState
}

/** Where the list ends, and why. */
function Footer({ lines, all, state }: FooterProps) {
  const l = useMessages('logs').logs
  const { zone, setRange } = useTimeState()
  const { first } = lines
  if (first === null) return null
  if (lines.full) {
    const last = all.at(-1)?.ms ?? 0
    const { start, end } = first.bounds
    const rest = state.order === 'newest' ? absoluteRange(msOf(start), last) : absoluteRange(last, msOf(end))
    return (
      <p className={styles.footer}>
        {l.full(formatCount(all.length))}
        <Button variant="subtle" onClick={() => setRange(rest)}>
          {l.goOn}
        </Button>
      </p>
    )
  }
  if (lines.hasMore || lines.loadingMore) return <p className={styles.footer}>{l.loadingMore}</p>
  const end = (ns: string) => dateTimeText(msOf(ns), zone)
  return (
    <p className={styles.footer}>
      {state.order === 'newest' ? l.endNewest(end(first.bounds.start)) : l.endOldest(end(first.bounds.end))}
    </p>
  )
}

/** Around a line that was found, this much is shown. */
const aroundMs = 15 * 60_000

interface NothingProps {
  readonly query: string
  readonly before: Nanos
}

function Nothing({ query, before }: NothingProps) {
  const l = useMessages('logs').logs
  const { setRange } = useTimeState()
  const [looked, setLooked] = useState<'not yet' | 'looking' | 'none'>('not yet')
  const look = async () => {
    setLooked('looking')
    try {
      const bounds = { start: '0', end: before }
      const page = await fetchPage({ query, bounds, cursor: null, direction: 'backward', limit: 1 })
      const found = page.lines[0]
      if (found === undefined) setLooked('none')
      else setRange(absoluteRange(found.ms - aroundMs, found.ms + aroundMs))
    } catch {
      setLooked('not yet')
    }
  }
  const day = { kind: 'relative', back: ms(86_400_000), floor: null } as const
  const now = { kind: 'relative', back: ms(0), floor: null } as const
  return (
    <Message
      icon={<IconDatabaseSearch size={40} stroke={1.4} />}
      title={l.nothing}
      actions={
        <>
          <Button variant="default" onClick={() => setRange({ from: day, to: now })}>
            {l.widen}
          </Button>
          <Button
            variant="default"
            loading={looked === 'looking'}
            disabled={looked === 'none'}
            onClick={() => void look()}
          >
            {l.before}
          </Button>
        </>
      }
    >
      <p>{looked === 'none' ? l.beforeNone : l.nothingHint}</p>
    </Message>
  )
}
