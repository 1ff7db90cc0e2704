import { ActionIcon, Button, Tooltip } from '@mantine/core'
import {
  IconAlertTriangle,
  IconChartLine,
  IconCopy,
  IconLink,
  IconLogs,
  IconSearch,
  IconX,
} from '@tabler/icons-react'
import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import type { Fields } from '@/api/decode'
import type { SpanEvent, SpanLink, TraceSpan } from '@/api/traceDocument'
import type { Labels } from '@/api/types'
import { RelatedButton } from '@/components/related/RelatedMenu'
import { useCopy } from '@/components/useCopy'
import { Way } from '@/components/Way'
import { useMessages } from '@/i18n'
import { exactTimeText } from '@/lib/clockText'
import { msOf } from '@/lib/nanos'
import { valueText } from '@/lib/trace/find'
import { failed } from '@/lib/trace/tree'
import { filterOf, literal, scoped } from '@/lib/traceql/filter'
import { formatSeconds, formatValue } from '@/lib/units'
import { useTimeState } from '@/state/timeSearch'
import { logsOf, logsOfService, metricsOf, timesAround } from './others'
import styles from './SpanDetail.module.css'
import type { TraceModel } from './traceModel'

interface SpanDetailProps {
  readonly model: TraceModel
  readonly at: number
  readonly color: string
  /** A selector that the streams of nearly all logs meet. */
  readonly logs: string
  readonly onClose: () => void
  readonly onSelect: (at: number) => void
}

/** Everything that is known of a span, and the ways from it to other signals. */
export function SpanDetail({ model, at, color, logs, onClose, onSelect }: SpanDetailProps) {
  const t = useMessages('trace').trace
  const common = useMessages().common
  const kinds: Readonly<Record<string, string>> = useMessages('traces').traces.filters.kinds
  const { zone } = useTimeState()
  const copy = useCopy()
  const { tree, document, pathOf, path } = model
  const span = tree.spans[at]
  if (span === undefined) return null
  const startMs = msOf(document.start) + span.offset / 1e6
  const parent = tree.parent[at] ?? -1
  const critical = (pathOf.get(at) ?? []).reduce((sum, { from, to }) => sum + to - from, 0)
  const wholePath = path.reduce((sum, { from, to }) => sum + to - from, 0)
  const around = timesAround(startMs, span.duration / 1e6)
  const seconds = (ns: number) => formatSeconds(ns / 1e9, 4)
  const facts: readonly (readonly [string, ReactNode])[] = [
    [t.kind, kinds[span.kind] ?? span.kind],
    [t.start, `${exactTimeText(startMs, zone)} (+${seconds(span.offset)})`],
    [t.duration, seconds(span.duration)],
    [t.self, seconds(tree.self[at] ?? 0)],
    ...(critical > 0
      ? [[t.critical, `${seconds(critical)} · ${formatValue(critical / wholePath, 'ratio')}`] as const]
      : []),
    [t.spanId, <code key="id">{span.spanId}</code>],
    ...(span.scope === '' ? [] : [[t.scope, span.scope] as const]),
  ]
  return (
    <aside className={styles.detail} aria-label={t.detail}>
      <header>
        <i style={{ background: color }} />
        <h2>
          <b>{span.service}</b> {span.name}
        </h2>
        <ActionIcon aria-label={common.close} onClick={onClose}>
          <IconX size={16} />
        </ActionIcon>
      </header>
      {failed(span) && (
        <p className={styles.failure}>
          {t.failed}
          {span.statusMessage !== '' && `: ${span.statusMessage}`}
        </p>
      )}
      {span.warnings.map((warning) => (
        <p key={warning} className={styles.warning}>
          <IconAlertTriangle size={14} aria-hidden /> {t.warning(warning)}
        </p>
      ))}
      <dl className={styles.facts}>
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      <div className={styles.actions}>
        <RelatedButton point={{ labels: namesOf(span), time: startMs }} />
        <Way
          to="/logs"
          search={{ q: logsOf(logs, document.traceId), ...around }}
          icon={<IconLogs size={14} />}
        >
          {t.logsOfTrace}
        </Way>
        <Way to="/logs" search={{ q: logsOfService(span), ...around }} icon={<IconLogs size={14} />}>
          {t.logsOfService}
        </Way>
        <Way
          to="/explore"
          search={{ q: metricsOf(span), ...timesAround(startMs, span.duration / 1e6, 30 * 60_000) }}
          icon={<IconChartLine size={14} />}
        >
          {t.metrics}
        </Way>
        <Way
          to="/traces"
          search={{
            q: filterOf([
              { field: 'resource.service.name', op: '=', value: literal(span.service) },
              { field: 'name', op: '=', value: literal(span.name) },
            ]),
            show: 'spans' as const,
          }}
          icon={<IconSearch size={14} />}
        >
          {t.alike}
        </Way>
        <Button
          variant="default"
          leftSection={<IconLink size={14} />}
          onClick={() =>
            void copy(`${window.location.origin}/traces/${document.traceId}?span=${span.id}`, t.linkCopied)
          }
        >
          {t.link}
        </Button>
        {parent >= 0 && (
          <Button variant="default" onClick={() => onSelect(parent)}>
            {t.toParent}
          </Button>
        )}
      </div>
      <Attributes title={t.attributes} scope="span" of={span.attributes} open />
      <Events events={span.events} start={span.offset} />
      <Links links={span.links} />
      <Attributes title={t.resource} scope="resource" of={span.resource} open />
    </aside>
  )
}

/** What of a span says who it is of. */
function namesOf({ resource }: TraceSpan): Labels {
  return Object.fromEntries(Object.entries(resource).map(([key, value]) => [key, valueText(value)]))
}

interface AttributesProps {
  readonly title: string
  readonly scope: 'span' | 'resource' | 'event' | 'link'
  readonly of: Fields
  readonly open?: boolean
}

const literalOf = (value: unknown): string | null => {
  if (typeof value === 'string') return literal(value)
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : null
}

function Attributes({ title, scope, of, open = false }: AttributesProps) {
  const names = Object.keys(of).sort()
  if (names.length === 0) return null
  return (
    <details className={styles.section} open={open}>
      <summary>
        {title} <em>{names.length}</em>
      </summary>
      <AttributeTable scope={scope} of={of} names={names} />
    </details>
  )
}

interface AttributeTableProps {
  readonly scope: AttributesProps['scope']
  readonly of: Fields
  readonly names: readonly string[]
}

function AttributeTable({ scope, of, names }: AttributeTableProps) {
  const t = useMessages('trace').trace
  const copy = useCopy()
  return (
    <table>
      <tbody>
        {names.map((name) => {
          const value = of[name]
          const text = valueText(value)
          const sought = literalOf(value)
          const short = text.length > 60 ? `${text.slice(0, 60)}…` : text
          return (
            <tr key={name}>
              <th scope="row">{name}</th>
              <td data-long={text.includes('\n') || undefined}>{text}</td>
              <td className={styles.tools}>
                {sought !== null && (
                  <Tooltip label={t.tracesWith(name, short)}>
                    <ActionIcon
                      size="xs"
                      aria-label={t.tracesWith(name, short)}
                      renderRoot={(props) => (
                        <Link
                          {...props}
                          to="/traces"
                          search={{ q: filterOf([{ field: scoped(scope, name), op: '=', value: sought }]) }}
                        />
                      )}
                    >
                      <IconSearch size={12} />
                    </ActionIcon>
                  </Tooltip>
                )}
                <Tooltip label={t.copyValue(name)}>
                  <ActionIcon size="xs" aria-label={t.copyValue(name)} onClick={() => void copy(text)}>
                    <IconCopy size={12} />
                  </ActionIcon>
                </Tooltip>
              </td>
            </tr>
          )
        })}
      </tbody>
    </table>
  )
}

/** What was logged within the span. */
function Events({ events, start }: { readonly events: readonly SpanEvent[]; readonly start: number }) {
  const t = useMessages('trace').trace
  if (events.length === 0) return null
  return (
    <details className={styles.section} open>
      <summary>
        {t.events} <em>{events.length}</em>
      </summary>
      <ol className={styles.events}>
        {events.map((event, index) => (
          <li key={index}>
            <p>
              <time>+{formatSeconds((event.offset - start) / 1e9)}</time> <b>{event.name}</b>
            </p>
            <AttributeTable
              scope="event"
              of={event.attributes}
              names={Object.keys(event.attributes).sort()}
            />
          </li>
        ))}
      </ol>
    </details>
  )
}

function Links({ links }: { readonly links: readonly SpanLink[] }) {
  const t = useMessages('trace').trace
  if (links.length === 0) return null
  return (
    <details className={styles.section} open>
      <summary>
        {t.links} <em>{links.length}</em>
      </summary>
      <ul className={styles.events}>
        {links.map((link, index) => (
          <li key={index}>
            <p>
              <Link to="/traces/$id" params={{ id: link.traceId }} search={{ span: link.spanId }}>
                <code>{link.traceId}</code>
              </Link>
            </p>
            <AttributeTable scope="link" of={link.attributes} names={Object.keys(link.attributes).sort()} />
          </li>
        ))}
      </ul>
    </details>
  )
}
