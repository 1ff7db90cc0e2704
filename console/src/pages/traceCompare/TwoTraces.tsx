import { Button, Skeleton, TextInput } from '@mantine/core'
import { IconArrowsDiff, IconArrowsExchange } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { getRouteApi, Link } from '@tanstack/react-router'
import { useMemo, useState } from 'react'
import type { TraceDocument } from '@/api/traceDocument'
import { searchTraces } from '@/api/traces'
import { Message } from '@/components/Message'
import { VirtualTable, type TableColumn } from '@/components/VirtualTable'
import { useMessages } from '@/i18n'
import { epochMs } from '@/lib/brand'
import { exactTimeText } from '@/lib/clockText'
import { msOf } from '@/lib/nanos'
import { encodeTimePoint, resolveRange } from '@/lib/time'
import { mainRoot } from '@/lib/trace/criticalPath'
import { arrange, type Tree } from '@/lib/trace/tree'
import { filterOf, literal } from '@/lib/traceql/filter'
import { formatCount, formatSeconds } from '@/lib/units'
import { useTimeState } from '@/state/timeSearch'
import { traceOptions } from '@/state/trace'
import { traceIdPattern } from '@/state/traceSearch'
import styles from './ComparePage.module.css'
import { DiffTable } from './DiffTable'

const route = getRouteApi('/traces/compare')

/** Two traces as one tree. */
export function TwoTraces() {
  const t = useMessages('traceCompare').traceCompare
  const { a, b } = route.useSearch()
  const navigate = route.useNavigate()
  const first = useQuery({ ...traceOptions(a ?? ''), enabled: a !== undefined, refetchInterval: false })
  const second = useQuery({ ...traceOptions(b ?? ''), enabled: b !== undefined, refetchInterval: false })
  const set = (next: { a?: string; b?: string }) => void navigate({ search: (old) => ({ ...old, ...next }) })
  const treeA = useTree(first.data)
  const treeB = useTree(second.data)
  return (
    <>
      <div className={styles.form}>
        <IdField key={`a${a ?? ''}`} label={t.first} value={a} onChange={(id) => set({ a: id })} main />
        <IdField key={`b${b ?? ''}`} label={t.second} value={b} onChange={(id) => set({ b: id })} />
        {a !== undefined && b !== undefined && (
          <Button
            variant="default"
            leftSection={<IconArrowsExchange size={15} />}
            onClick={() => set({ a: b, b: a })}
          >
            {t.exchange}
          </Button>
        )}
      </div>
      {[first.error, second.error].map(
        (error, index) =>
          error !== null && (
            <p key={index} role="alert" className={styles.alert}>
              {index === 0 ? t.first : t.second}: {error.message}
            </p>
          ),
      )}
      {a === undefined && b === undefined && (
        <Message icon={<IconArrowsDiff size={44} stroke={1.3} />} title={t.chooseTitle}>
          <p>{t.chooseHint}</p>
        </Message>
      )}
      {(first.isLoading || second.isLoading) && <Skeleton height={320} radius="sm" />}
      {treeA !== null && b === undefined && (
        <Others tree={treeA} id={a ?? ''} onPick={(id) => set({ b: id })} />
      )}
      {treeB !== null && a === undefined && (
        <Others tree={treeB} id={b ?? ''} onPick={(id) => set({ a: id })} />
      )}
      {treeA !== null && treeB !== null && first.data !== undefined && second.data !== undefined && (
        <>
          <div className={styles.pair}>
            <Summary side="a" document={first.data} tree={treeA} />
            <Summary side="b" document={second.data} tree={treeB} />
          </div>
          <DiffTable a={treeA} b={treeB} idA={first.data.traceId} idB={second.data.traceId} />
        </>
      )}
    </>
  )
}

function useTree(document: TraceDocument | undefined): Tree | null {
  return useMemo(() => (document === undefined ? null : arrange(document.spans)), [document])
}

interface IdFieldProps {
  readonly label: string
  readonly value: string | undefined
  readonly onChange: (id: string) => void
  readonly main?: boolean
}

function IdField({ label, value, onChange, main = false }: IdFieldProps) {
  const t = useMessages('traceCompare').traceCompare
  const [text, setText] = useState(value ?? '')
  const valid = text === '' || traceIdPattern.test(text)
  const commit = () => {
    if (valid && text !== '' && text !== value) onChange(text.toLowerCase())
  }
  return (
    <TextInput
      size="xs"
      className={styles.id}
      label={label}
      placeholder={t.idHint}
      data-main-input={main || undefined}
      value={text}
      error={valid ? null : t.idInvalid}
      onChange={(event) => setText(event.currentTarget.value.trim())}
      onBlur={commit}
      onKeyDown={(event) => event.key === 'Enter' && commit()}
    />
  )
}

interface SummaryProps {
  readonly side: 'a' | 'b'
  readonly document: TraceDocument
  readonly tree: Tree
}

function Summary({ side, document, tree }: SummaryProps) {
  const t = useMessages('trace').trace
  const { zone } = useTimeState()
  const root = tree.spans[mainRoot(tree)]
  return (
    <section className={styles.side} data-side={side}>
      <h2>
        <i /> <b>{side.toUpperCase()}</b>{' '}
        <Link to="/traces/$id" params={{ id: document.traceId }}>
          {root?.service} {root?.name}
        </Link>
      </h2>
      <p>
        {exactTimeText(msOf(document.start), zone)} · <b>{formatSeconds(tree.duration / 1e9)}</b> · {t.spans}{' '}
        {formatCount(tree.spans.length)} · {t.errors} {formatCount(tree.errors)}
      </p>
    </section>
  )
}

interface OthersProps {
  readonly tree: Tree
  readonly id: string
  readonly onPick: (id: string) => void
}

interface OtherRow {
  readonly id: string
  readonly at: number
  readonly ms: number
  readonly spans: number
  readonly errors: number
}

const othersMax = 200

/** Traces with the same root, to compare one with. */
function Others({ tree, id, onPick }: OthersProps) {
  const t = useMessages('traceCompare').traceCompare
  const columnNames = useMessages('traces').traces.columns
  const { range, zone } = useTimeState()
  const root = tree.spans[mainRoot(tree)]
  const query = filterOf([
    { field: 'rootServiceName', op: '=', value: literal(root?.service ?? '') },
    { field: 'rootName', op: '=', value: literal(root?.name ?? '') },
  ])
  const asked = useQuery({
    queryKey: ['traces', 'others', query, encodeTimePoint(range.from), encodeTimePoint(range.to)],
    retry: false,
    queryFn: async ({ signal }) => {
      const of = resolveRange(range, epochMs(Date.now()), zone)
      const { data } = await searchTraces({ query, limit: othersMax, spans: 1, ...of }, signal)
      return data
    },
  })
  const rows = (asked.data ?? [])
    .filter(({ traceId }) => traceId !== id)
    .map((trace): OtherRow => ({
      id: trace.traceId,
      at: trace.startMs,
      ms: trace.durationMs,
      spans: trace.spans,
      errors: trace.errors,
    }))
  const columns: TableColumn<OtherRow>[] = [
    {
      key: 'at',
      title: columnNames.start,
      width: '190px',
      value: ({ at }) => at,
      cell: ({ at }) => exactTimeText(at, zone),
    },
    {
      key: 'ms',
      title: columnNames.duration,
      width: '110px',
      numeric: true,
      value: ({ ms }) => ms,
      cell: ({ ms }) => formatSeconds(ms / 1000),
    },
    {
      key: 'spans',
      title: columnNames.spans,
      width: '90px',
      numeric: true,
      value: ({ spans }) => spans,
      cell: ({ spans }) => formatCount(spans),
    },
    {
      key: 'errors',
      title: columnNames.errors,
      width: '90px',
      numeric: true,
      value: ({ errors }) => errors,
      cell: ({ errors }) => formatCount(errors),
    },
    {
      key: 'id',
      title: columnNames.name,
      width: 'minmax(240px, 1fr)',
      value: (row) => row.id,
      cell: (row) => <code className="mono">{row.id}</code>,
    },
  ]
  return (
    <section className={styles.panel} aria-label={t.others}>
      <h2>{t.others}</h2>
      {asked.isSuccess && rows.length === 0 && <p className={styles.note}>{t.noOthers}</p>}
      {rows.length > 0 && (
        <VirtualTable
          label={t.others}
          rows={rows}
          columns={columns}
          rowKey={(row) => row.id}
          initialSort={{ key: 'ms', descending: true }}
          height={420}
          minWidth={760}
          onRow={(row) => onPick(row.id)}
        />
      )}
    </section>
  )
}
