import { ActionIcon, Button, Tooltip } from '@mantine/core'
import {
  IconAlertTriangle,
  IconArrowsDiff,
  IconCopy,
  IconDownload,
  IconLink,
  IconLogs,
} from '@tabler/icons-react'
import { Link } from '@tanstack/react-router'
import { useCopy } from '@/components/useCopy'
import { useMessages } from '@/i18n'
import { exactTimeText } from '@/lib/clockText'
import { msOf } from '@/lib/nanos'
import { mainRoot } from '@/lib/trace/criticalPath'
import { formatCount, formatSeconds, formatValue } from '@/lib/units'
import { useTimeState } from '@/state/timeSearch'
import { logsOf, timesAround } from './others'
import styles from './TracePage.module.css'
import type { TraceModel } from './traceModel'

interface HeaderProps {
  readonly model: TraceModel
  readonly colors: ReadonlyMap<string, string>
  readonly logs: string
  readonly service: string | null
  readonly onService: (service: string | null) => void
}

/** Services that are shown before the rest is counted. */
const servicesMax = 24

/** What the trace is as a whole. */
export function Header({ model, colors, logs, service, onService }: HeaderProps) {
  const t = useMessages('trace').trace
  const { zone } = useTimeState()
  const copy = useCopy()
  const { document, tree } = model
  const root = tree.spans[mainRoot(tree)]
  const startMs = msOf(document.start)
  const selfSum = tree.services.reduce((sum, { self }) => sum + self, 0)
  const facts: readonly (readonly [string, string])[] = [
    [t.start, exactTimeText(startMs, zone)],
    [t.duration, formatSeconds(tree.duration / 1e9, 4)],
    [t.spans, formatCount(tree.spans.length)],
    [t.services, formatCount(tree.services.length)],
    [t.depth, formatCount(tree.depthMax + 1)],
    [t.errors, formatCount(tree.errors)],
  ]
  return (
    <header className={styles.header}>
      <div className={styles.heading}>
        <h1>
          <b>{root?.service}</b> {root?.name}
        </h1>
        <code>{document.traceId}</code>
        <Tooltip label={t.copyId}>
          <ActionIcon size="sm" aria-label={t.copyId} onClick={() => void copy(document.traceId)}>
            <IconCopy size={14} />
          </ActionIcon>
        </Tooltip>
        <div className={styles.end}>
          <Button
            variant="subtle"
            color="gray"
            leftSection={<IconLogs size={15} />}
            renderRoot={(props) => (
              <Link
                {...props}
                to="/logs"
                search={{
                  q: logsOf(logs, document.traceId),
                  ...timesAround(startMs, tree.duration / 1e6),
                }}
              />
            )}
          >
            {t.logs}
          </Button>
          <Button
            variant="subtle"
            color="gray"
            leftSection={<IconArrowsDiff size={15} />}
            renderRoot={(props) => <Link {...props} to="/traces/compare" search={{ a: document.traceId }} />}
          >
            {t.compare}
          </Button>
          <Button
            variant="subtle"
            color="gray"
            leftSection={<IconDownload size={15} />}
            component="a"
            href={`/tempo/api/v2/traces/${document.traceId}`}
            download={`trace-${document.traceId}.json`}
          >
            {t.download}
          </Button>
          <Button
            variant="subtle"
            color="gray"
            leftSection={<IconLink size={15} />}
            onClick={() => void copy(window.location.href, t.linkCopied)}
          >
            {t.share}
          </Button>
        </div>
      </div>
      <dl className={styles.facts}>
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd data-bad={(name === t.errors && tree.errors > 0) || undefined}>{value}</dd>
          </div>
        ))}
      </dl>
      {document.truncated && (
        <p className={styles.warning}>
          <IconAlertTriangle size={15} aria-hidden /> {t.truncated(formatCount(tree.spans.length))}
        </p>
      )}
      {document.earlier > 0 && (
        <p className={styles.warning}>
          <IconAlertTriangle size={15} aria-hidden /> {t.earlier(document.earlier)}
        </p>
      )}
      <ul className={styles.services} aria-label={t.services}>
        {tree.services.slice(0, servicesMax).map((of) => (
          <li key={of.name}>
            <Tooltip
              label={t.serviceHelp(
                formatCount(of.spans),
                formatCount(of.errors),
                formatSeconds(of.self / 1e9),
              )}
            >
              <button
                type="button"
                aria-pressed={service === of.name}
                onClick={() => onService(service === of.name ? null : of.name)}
              >
                <i style={{ background: colors.get(of.name) }} />
                {of.name}
                <b>{formatValue(selfSum === 0 ? 0 : of.self / selfSum, 'ratio', 2)}</b>
              </button>
            </Tooltip>
          </li>
        ))}
        {tree.services.length > servicesMax && <li>+{tree.services.length - servicesMax}</li>}
      </ul>
    </header>
  )
}
