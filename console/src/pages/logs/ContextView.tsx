import { Button, Modal, useComputedColorScheme } from '@mantine/core'
import { useInfiniteQuery } from '@tanstack/react-query'
import { useEffect, useRef, useState } from 'react'
import { useMessages } from '@/i18n'
import type { LogLine } from '@/lib/logLine'
import { streamSelector } from '@/lib/logql/edit'
import { later, nanosText } from '@/lib/nanos'
import { useTimeState } from '@/state/timeSearch'
import styles from './ContextView.module.css'
import { levelVariables } from '@/components/levelVariables'
import { drawnText } from './LineRow'
import { fetchPage, type Cursor, type Page } from './pages'

interface ContextViewProps {
  readonly line: LogLine
  readonly onClose: () => void
  readonly onQuery: (query: string) => void
}

/** Lines on either side to begin with, and that each further step adds. */
const stepLines = 20
const dayNs = 86_400_000_000_000n

/** What was logged before and after a line, by the same stream. */
export function ContextView({ line, onClose, onQuery }: ContextViewProps) {
  const l = useMessages('logs').logs
  const t = useMessages().common
  const s = l.surrounding
  const scheme = useComputedColorScheme('dark', { getInitialValueInEffect: false })
  const [left, setLeft] = useState<ReadonlySet<string>>(new Set())
  const labels = Object.fromEntries(Object.entries(line.stream).filter(([name]) => !left.has(name)))
  const selector = streamSelector(labels)
  const older = useSide(line, selector, 'backward')
  const newer = useSide(line, selector, 'forward')
  const here = useRef<HTMLDivElement>(null)
  const ready = older.isSuccess && newer.isSuccess
  useEffect(() => {
    if (ready) here.current?.scrollIntoView({ block: 'center' })
  }, [ready, selector])
  const before = older.data?.pages.flatMap((page) => page.lines).reverse() ?? []
  // The moment of the line itself comes with the lines after it.
  const after = newer.data?.pages.flatMap((page) => page.lines) ?? []
  const own = after.findIndex((other) => other.id === line.id.split('~')[0])
  const rest = own < 0 ? after : [...after.slice(0, own), ...after.slice(own + 1)]
  const error = older.error ?? newer.error
  return (
    <Modal
      opened
      onClose={onClose}
      title={s.title}
      size="min(1100px, 94vw)"
      closeButtonProps={{ 'aria-label': t.close }}
    >
      <p className={styles.note}>{s.of}</p>
      <div className={styles.labels}>
        {Object.entries(line.stream).map(([name, value]) => (
          <button
            key={name}
            type="button"
            aria-pressed={!left.has(name)}
            disabled={!left.has(name) && Object.keys(labels).length === 1}
            onClick={() => {
              const next = new Set(left)
              if (!next.delete(name)) next.add(name)
              setLeft(next)
            }}
          >
            {name}={value}
          </button>
        ))}
        <Button
          variant="subtle"
          onClick={() => {
            onClose()
            onQuery(selector)
          }}
        >
          {s.open}
        </Button>
      </div>
      {error !== null && <p role="alert">{error.message}</p>}
      <div className={styles.lines} style={levelVariables(scheme)} role="list" tabIndex={0}>
        <More side={older} />
        {before.map((other) => (
          <ContextLine key={`b${other.id}`} line={other} />
        ))}
        <div ref={here} className={styles.here}>
          <ContextLine line={line} current />
        </div>
        {rest.map((other, index) => (
          <ContextLine key={`a${other.id}${index}`} line={other} />
        ))}
        <More side={newer} />
      </div>
    </Modal>
  )
}

function useSide(line: LogLine, query: string, direction: 'backward' | 'forward') {
  return useInfiniteQuery({
    queryKey: ['logs', 'context', line.id, query, direction],
    retry: false,
    staleTime: Infinity,
    structuralSharing: false,
    initialPageParam: null as Cursor | null,
    queryFn: ({ signal, pageParam: cursor }) => {
      const bounds =
        direction === 'backward'
          ? { start: later(line.ns, -dayNs), end: line.ns }
          : { start: line.ns, end: later(line.ns, dayNs) }
      // The line itself comes first among those after it.
      const own = direction === 'forward' && cursor === null ? 1 : 0
      return fetchPage({ query, bounds, cursor, direction, limit: stepLines + own }, signal)
    },
    getNextPageParam: (page: Page) => page.next,
  })
}

function More({ side }: { readonly side: ReturnType<typeof useSide> }) {
  const s = useMessages('logs').logs.surrounding
  return (
    <div className={styles.more}>
      {side.hasNextPage ? (
        <Button variant="subtle" loading={side.isFetching} onClick={() => void side.fetchNextPage()}>
          {s.more}
        </Button>
      ) : (
        side.isSuccess && s.noMore
      )}
    </div>
  )
}

interface ContextLineProps {
  readonly line: LogLine
  readonly current?: boolean
}

function ContextLine({ line, current = false }: ContextLineProps) {
  const { zone } = useTimeState()
  return (
    <div role="listitem" className={styles.line} data-current={current || undefined} aria-current={current}>
      <i style={{ background: `var(--wf-level-${line.level})` }} />
      <time>{nanosText(line.ns, zone).text.slice(11)}</time>
      <code>{drawnText(line.text, 'wrap')}</code>
    </div>
  )
}
