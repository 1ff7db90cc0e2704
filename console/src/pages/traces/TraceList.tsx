import { Button, Checkbox, SegmentedControl, useComputedColorScheme } from '@mantine/core'
import { useViewportSize } from '@mantine/hooks'
import { IconAlertTriangle, IconArrowsDiff } from '@tabler/icons-react'
import { Link, useNavigate } from '@tanstack/react-router'
import { useMemo, useRef, useState } from 'react'
import type { FoundSpan, FoundTrace } from '@/api/traces'
import { VirtualTable, type TableColumn } from '@/components/VirtualTable'
import { useMessages } from '@/i18n'
import { exactTimeText } from '@/lib/clockText'
import { serviceColors } from '@/lib/trace/colors'
import { formatCount, formatSeconds } from '@/lib/units'
import { useTimeState } from '@/state/timeSearch'
import styles from './TraceList.module.css'
import type { TracesChange, TracesState } from './tracesState'
import { pageTraces, tracesMax, type Traces } from './useTraces'
import { useRowKeys } from './useRowKeys'

interface TraceListProps {
  readonly data: Traces
  readonly state: TracesState
  readonly change: (change: TracesChange) => void
  readonly loading: boolean
  readonly onMore: () => void
  /** What is shown must not move away from under the hand. */
  readonly onHold: (hold: boolean) => void
}

interface SpanRow {
  readonly trace: FoundTrace
  readonly span: FoundSpan
}

/** Services that a line names before it says how many more there are. */
const servicesMax = 4

/** The traces that were found, or the spans that were looked for in them. */
export function TraceList(props: TraceListProps) {
  const { data, state, change, loading, onMore, onHold } = props
  const t = useMessages('traces').traces
  const [marked, setMarked] = useState<readonly string[]>([])
  const box = useRef<HTMLElement>(null)
  useRowKeys(box)
  const { height: window } = useViewportSize()
  const height = Math.max(window - 480, 320)
  const full = data.traces.length >= data.limit
  const mark = (id: string) =>
    setMarked((old) => (old.includes(id) ? old.filter((other) => other !== id) : [...old, id].slice(-2)))
  return (
    <section
      ref={box}
      className={styles.list}
      aria-label={t.list}
      onMouseEnter={() => onHold(true)}
      onMouseLeave={() => onHold(false)}
    >
      <header className={styles.bar}>
        <SegmentedControl
          size="xs"
          aria-label={t.show}
          value={state.show}
          onChange={(show) => change({ show })}
          data={[
            { value: 'traces', label: t.traces },
            { value: 'spans', label: t.spans },
          ]}
        />
        <span className={styles.summary} role="status">
          {t.loaded(formatCount(data.traces.length), full)}
        </span>
        {full && data.limit < tracesMax && (
          <Button variant="subtle" loading={loading} onClick={onMore}>
            {t.more(pageTraces)}
          </Button>
        )}
        {full && data.limit >= tracesMax && <span className={styles.summary}>{t.full}</span>}
        <div className={styles.end}>
          {marked.length === 1 && <span className={styles.summary}>{t.markAnother}</span>}
          {marked.length === 2 && (
            <Button
              variant="light"
              leftSection={<IconArrowsDiff size={15} />}
              renderRoot={(root) => (
                <Link {...root} to="/traces/compare" search={{ a: marked[0], b: marked[1] }} />
              )}
            >
              {t.compareTwo}
            </Button>
          )}
        </div>
      </header>
      {state.show === 'traces' ? (
        <TraceTable data={data} state={state} change={change} height={height} marked={marked} onMark={mark} />
      ) : (
        <SpanTable data={data} state={state} change={change} height={height} />
      )}
    </section>
  )
}

interface TableProps {
  readonly data: Traces
  readonly state: TracesState
  readonly change: (change: TracesChange) => void
  readonly height: number
}

interface TraceTableProps extends TableProps {
  readonly marked: readonly string[]
  readonly onMark: (id: string) => void
}

function useColors(traces: readonly FoundTrace[]): ReadonlyMap<string, string> {
  const scheme = useComputedColorScheme('dark', { getInitialValueInEffect: false })
  return useMemo(
    () =>
      serviceColors(
        traces.flatMap(({ services }) => services.map(({ name }) => name)),
        scheme,
      ),
    [traces, scheme],
  )
}

function TraceTable({ data, state, change, height, marked, onMark }: TraceTableProps) {
  const t = useMessages('traces').traces
  const { zone } = useTimeState()
  const navigate = useNavigate()
  const colors = useColors(data.traces)
  const longest = Math.max(1e-9, ...data.traces.map(({ durationMs }) => durationMs))
  const columns = useMemo(
    (): TableColumn<FoundTrace>[] => [
      {
        key: 'mark',
        title: '',
        width: '18px',
        value: ({ traceId }) => (marked.includes(traceId) ? 1 : 0),
        cell: (trace) => (
          <Checkbox
            size="xs"
            checked={marked.includes(trace.traceId)}
            aria-label={t.mark(nameOf(trace, t.noRoot))}
            onClick={(event) => event.stopPropagation()}
            onKeyDown={(event) => event.stopPropagation()}
            onChange={() => onMark(trace.traceId)}
          />
        ),
      },
      {
        key: 'name',
        title: t.columns.name,
        width: 'minmax(200px, 2fr)',
        value: (trace) => nameOf(trace, t.noRoot),
        cell: (trace) => (
          <Link to="/traces/$id" params={{ id: trace.traceId }} className={styles.name} tabIndex={-1}>
            <i style={{ background: colors.get(trace.rootService ?? '') }} />
            <b>{trace.rootService ?? t.noRoot}</b> {trace.rootName}
          </Link>
        ),
      },
      {
        key: 'start',
        title: t.columns.start,
        width: '176px',
        numeric: true,
        value: ({ startMs }) => startMs,
        cell: ({ startMs }) => exactTimeText(startMs, zone),
      },
      {
        key: 'duration',
        title: t.columns.duration,
        width: 'minmax(110px, 0.8fr)',
        numeric: true,
        value: ({ durationMs }) => durationMs,
        cell: ({ durationMs }) => (
          <span className={styles.duration}>
            <i style={{ width: `${(durationMs / longest) * 100}%` }} />
            {formatSeconds(durationMs / 1000)}
          </span>
        ),
      },
      {
        key: 'spans',
        title: t.columns.spans,
        width: '70px',
        numeric: true,
        value: ({ spans }) => spans,
        cell: ({ spans }) => formatCount(spans),
      },
      {
        key: 'errors',
        title: t.columns.errors,
        width: '70px',
        numeric: true,
        value: ({ errors }) => errors,
        cell: ({ errors }) =>
          errors === 0 ? '' : <span className={styles.errors}>{formatCount(errors)}</span>,
      },
      {
        key: 'services',
        title: t.columns.services,
        width: 'minmax(140px, 1.4fr)',
        value: ({ services }) => services.length,
        cell: ({ services }) => (
          <span className={styles.services}>
            {services.slice(0, servicesMax).map(({ name, errors }) => (
              <span key={name}>
                <i style={{ background: colors.get(name) }} />
                {name}
                {errors > 0 && <IconAlertTriangle size={11} aria-hidden />}
              </span>
            ))}
            {services.length > servicesMax && ` +${services.length - servicesMax}`}
          </span>
        ),
      },
    ],
    [t, zone, colors, longest, marked, onMark],
  )
  return (
    <VirtualTable
      label={t.list}
      rows={data.traces}
      columns={columns}
      rowKey={({ traceId }) => traceId}
      sort={state.sort}
      onSort={(sort) => change({ sort })}
      height={height}
      minWidth={920}
      onRow={({ traceId }, aside) => {
        if (aside) window.open(`/traces/${traceId}`, '_blank')
        else void navigate({ to: '/traces/$id', params: { id: traceId } })
      }}
    />
  )
}

const nameOf = ({ rootService, rootName }: FoundTrace, noRoot: string): string =>
  rootService === null ? noRoot : `${rootService} ${rootName ?? ''}`

function SpanTable({ data, state, change, height }: TableProps) {
  const t = useMessages('traces').traces
  const { zone } = useTimeState()
  const navigate = useNavigate()
  const colors = useColors(data.traces)
  const rows = useMemo(
    () => data.traces.flatMap((trace) => trace.found.map((span): SpanRow => ({ trace, span }))),
    [data],
  )
  const longest = rows.reduce((most, { span }) => Math.max(most, span.durationMs), 1e-9)
  const kinds: Readonly<Record<string, string>> = t.filters.kinds
  const columns = useMemo(
    (): TableColumn<SpanRow>[] => [
      {
        key: 'name',
        title: t.columns.span,
        width: 'minmax(200px, 2fr)',
        value: ({ span }) => `${span.service} ${span.name}`,
        cell: ({ trace, span }) => (
          <Link
            to="/traces/$id"
            params={{ id: trace.traceId }}
            search={{ span: span.spanId }}
            className={styles.name}
            tabIndex={-1}
          >
            <i style={{ background: colors.get(span.service) }} />
            <b>{span.service}</b> {span.name}
          </Link>
        ),
      },
      {
        key: 'kind',
        title: t.filters.kind,
        width: '90px',
        value: ({ span }) => span.kind,
        cell: ({ span }) => kinds[span.kind] ?? span.kind,
      },
      {
        key: 'errors',
        title: t.filters.status,
        width: '80px',
        value: ({ span }) => (span.failed ? 1 : 0),
        cell: ({ span }) => (span.failed ? <span className={styles.errors}>{t.failed}</span> : ''),
      },
      {
        key: 'start',
        title: t.columns.start,
        width: '176px',
        numeric: true,
        value: ({ span }) => span.startMs,
        cell: ({ span }) => exactTimeText(span.startMs, zone),
      },
      {
        key: 'duration',
        title: t.columns.duration,
        width: 'minmax(110px, 0.8fr)',
        numeric: true,
        value: ({ span }) => span.durationMs,
        cell: ({ span }) => (
          <span className={styles.duration}>
            <i style={{ width: `${(span.durationMs / longest) * 100}%` }} />
            {formatSeconds(span.durationMs / 1000)}
          </span>
        ),
      },
      {
        key: 'trace',
        title: t.columns.name,
        width: 'minmax(160px, 1.2fr)',
        value: ({ trace }) => nameOf(trace, t.noRoot),
        cell: ({ trace }) => nameOf(trace, t.noRoot),
      },
    ],
    [t, kinds, zone, colors, longest],
  )
  return (
    <VirtualTable
      label={t.spanList}
      rows={rows}
      columns={columns}
      rowKey={({ trace, span }) => `${trace.traceId}${span.spanId}`}
      sort={state.sort}
      onSort={(sort) => change({ sort })}
      height={height}
      minWidth={920}
      onRow={({ trace, span }, aside) => {
        if (aside) window.open(`/traces/${trace.traceId}?span=${span.spanId}`, '_blank')
        else
          void navigate({ to: '/traces/$id', params: { id: trace.traceId }, search: { span: span.spanId } })
      }}
    />
  )
}
