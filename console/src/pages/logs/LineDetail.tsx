import { ActionIcon, Button, SegmentedControl, Tooltip } from '@mantine/core'
import {
  IconArrowsVertical,
  IconColumns,
  IconCopy,
  IconFilterCog,
  IconLink,
  IconMinus,
  IconPlus,
} from '@tabler/icons-react'
import { Link, useNavigate } from '@tanstack/react-router'
import { useMemo, useState } from 'react'
import { CodeBlock } from '@/components/CodeBlock'
import { RelatedButton } from '@/components/related/RelatedMenu'
import { useCopy } from '@/components/useCopy'
import { useMessages } from '@/i18n'
import { epochMs } from '@/lib/brand'
import { toNdjson } from '@/lib/exportLines'
import { flatJson, highlighted, jsonOf, type LogLine } from '@/lib/logLine'
import { parses, standing, type Field } from '@/lib/logql/edit'
import { labelsText, sampleOf } from '@/lib/pipelineSample'
import { stringifySearch } from '@/lib/search'
import { resolveRange } from '@/lib/time'
import { formatValue } from '@/lib/units'
import { pipelineSample } from '@/state/pipelineDraft'
import { useTimeState } from '@/state/timeSearch'
import { traceIdPattern } from '@/state/traceSearch'
import styles from './LineDetail.module.css'
import type { LineActions } from './LineList'

interface LineDetailProps {
  readonly line: LogLine
  readonly query: string
  readonly columns: readonly string[]
  readonly searched: readonly string[]
  readonly actions: LineActions
}

/** Longer lines show their beginning first. */
const shownMax = 20_000

interface Group {
  readonly key: 'stream' | 'structured' | 'parsed' | 'json'
  readonly fields: readonly Field[]
}

function groupsOf(line: LogLine, query: string): Group[] {
  const fields = (labels: LogLine['stream'], origin: Field['origin']): Field[] =>
    Object.entries(labels).map(([name, value]) => ({ name, value, origin }))
  const document = parses(query) ? null : jsonOf(line.text)
  const groups: Group[] = [
    { key: 'stream', fields: fields(line.stream, 'stream') },
    { key: 'structured', fields: fields(line.structured, 'structured') },
    { key: 'parsed', fields: fields(line.parsed, 'parsed') },
    { key: 'json', fields: document === null ? [] : fields(flatJson(document), 'parsed') },
  ]
  return groups.filter((group) => group.fields.length > 0)
}

/** Everything that is known of a line, and what can be done with it. */
export function LineDetail({ line, query, columns, searched, actions }: LineDetailProps) {
  const l = useMessages('logs').logs
  const [tab, setTab] = useState<'table' | 'document'>('table')
  const groups = useMemo(() => groupsOf(line, query), [line, query])
  return (
    <div className={styles.detail} role="region" aria-label={l.expand}>
      <Actions line={line} query={query} tab={tab} onTab={setTab} onContext={actions.onContext} />
      {tab === 'document' ? (
        <CodeBlock text={pretty(line)} language="text" />
      ) : (
        <>
          <Text text={line.text} searched={searched} />
          <div className={styles.groups}>
            {groups.map((group) => (
              <section key={group.key}>
                <h3>{l.groups[group.key]}</h3>
                <table>
                  <tbody>
                    {group.fields.map((field) => (
                      <FieldRow
                        key={field.name}
                        field={field}
                        query={query}
                        column={group.key === 'json' ? null : columns.includes(field.name)}
                        onFilter={(op) =>
                          actions.onFilter(field, op, group.key === 'json' ? 'json' : undefined)
                        }
                        onColumn={() => actions.onColumn(field.name)}
                      />
                    ))}
                  </tbody>
                </table>
              </section>
            ))}
          </div>
        </>
      )}
    </div>
  )
}

function pretty(line: LogLine): string {
  const document = JSON.parse(toNdjson([line])) as Record<string, unknown>
  const body = jsonOf(line.text)
  return JSON.stringify(body === null ? document : { ...document, line: body }, null, 2)
}

interface ActionsProps {
  readonly line: LogLine
  readonly query: string
  readonly tab: 'table' | 'document'
  readonly onTab: (tab: 'table' | 'document') => void
  readonly onContext: (line: LogLine) => void
}

function Actions({ line, query, tab, onTab, onContext }: ActionsProps) {
  const l = useMessages('logs').logs
  const copy = useCopy()
  const navigate = useNavigate()
  const { range, zone } = useTimeState()
  const trace = line.structured.trace_id ?? line.parsed.trace_id ?? line.stream.trace_id
  const tryPipeline = () => {
    pipelineSample.set({ text: sampleOf([line.text]), labels: labelsText(line.stream) })
    void navigate({ to: '/pipelines' })
  }
  // The link holds the range as it is now: relative to another moment the line would be elsewhere.
  const link = () => {
    const { from, to } = resolveRange(range, epochMs(Date.now()), zone)
    const search = new URLSearchParams(window.location.search)
    const kept = Object.fromEntries(
      [...new Set(search.keys())]
        .filter((name) => !['tail', 'order', 'refresh'].includes(name))
        .map((name) => [name, search.getAll(name)]),
    )
    const held = { from: Math.min(from, line.ms - 1), to: Math.max(to, line.ms + 1) }
    const params = { ...kept, q: query, from: String(held.from), to: String(held.to), line: line.id }
    return `${window.location.origin}/logs${stringifySearch(params)}`
  }
  return (
    <div className={styles.actions}>
      <SegmentedControl
        size="xs"
        value={tab}
        onChange={onTab}
        data={[
          { value: 'table', label: l.table },
          { value: 'document', label: l.document },
        ]}
      />
      <RelatedButton
        point={{
          labels: { ...line.parsed, ...line.structured, ...line.stream },
          time: line.ms,
          ...(trace === undefined || !traceIdPattern.test(trace) ? {} : { traceId: trace.toLowerCase() }),
        }}
      />
      <Button
        variant="default"
        leftSection={<IconArrowsVertical size={14} />}
        onClick={() => onContext(line)}
      >
        {l.context}
      </Button>
      <Button
        variant="default"
        leftSection={<IconLink size={14} />}
        onClick={() => void copy(link(), l.linkCopied)}
      >
        {l.link}
      </Button>
      <Button variant="default" leftSection={<IconCopy size={14} />} onClick={() => void copy(line.text)}>
        {l.copyLine}
      </Button>
      <Button variant="default" leftSection={<IconCopy size={14} />} onClick={() => void copy(pretty(line))}>
        {l.copyJson}
      </Button>
      <Button variant="default" leftSection={<IconFilterCog size={14} />} onClick={tryPipeline}>
        {l.tryPipeline}
      </Button>
    </div>
  )
}

function Text({ text, searched }: { readonly text: string; readonly searched: readonly string[] }) {
  const l = useMessages('logs').logs
  const [all, setAll] = useState(false)
  const cut = !all && text.length > shownMax
  const pieces = highlighted(cut ? text.slice(0, shownMax) : text, searched)
  return (
    <>
      <pre className={styles.text}>
        <code>
          {pieces.map((piece, at) => (piece.hit ? <mark key={at}>{piece.text}</mark> : piece.text))}
        </code>
      </pre>
      {cut && (
        <p className={styles.cut}>
          {l.cut(formatValue(text.length, 'bytes'))}
          <Button variant="subtle" onClick={() => setAll(true)}>
            {l.showAll}
          </Button>
        </p>
      )}
    </>
  )
}

interface FieldRowProps {
  readonly field: Field
  readonly query: string
  /** Whether it is shown as a column; null if it cannot be. */
  readonly column: boolean | null
  readonly onFilter: (op: '=' | '!=') => void
  readonly onColumn: () => void
}

function FieldRow({ field, query, column, onFilter, onColumn }: FieldRowProps) {
  const l = useMessages('logs').logs
  const { name, value } = field
  const now = standing(query, field)
  const short = value.length > 60 ? `${value.slice(0, 60)}…` : value
  const columnLabel = column === true ? l.removeColumn(name) : l.addColumn(name)
  return (
    <tr>
      <td className={styles.tools}>
        <Tooltip label={l.filterFor(name, short)}>
          <ActionIcon
            size="xs"
            aria-label={l.filterFor(name, short)}
            aria-pressed={now === '='}
            onClick={() => onFilter('=')}
          >
            <IconPlus size={13} />
          </ActionIcon>
        </Tooltip>
        <Tooltip label={l.filterOut(name, short)}>
          <ActionIcon
            size="xs"
            aria-label={l.filterOut(name, short)}
            aria-pressed={now === '!='}
            onClick={() => onFilter('!=')}
          >
            <IconMinus size={13} />
          </ActionIcon>
        </Tooltip>
        {column !== null && (
          <Tooltip label={columnLabel}>
            <ActionIcon size="xs" aria-label={columnLabel} aria-pressed={column} onClick={onColumn}>
              <IconColumns size={13} />
            </ActionIcon>
          </Tooltip>
        )}
      </td>
      <th scope="row">{name}</th>
      <td className={styles.value}>
        {name === 'trace_id' && traceIdPattern.test(value) ? (
          <Link to="/traces/$id" params={{ id: value.toLowerCase() }} title={l.toTrace}>
            {value}
          </Link>
        ) : value.length > shownMax ? (
          `${value.slice(0, shownMax)}…`
        ) : (
          value
        )}
      </td>
    </tr>
  )
}
