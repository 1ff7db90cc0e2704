import { SegmentedControl, Skeleton } from '@mantine/core'
import { useMemo, useState } from 'react'
import { ApiError } from '@/api/http'
import { deliveryJournal, routingTree, type Delivery } from '@/api/routing'
import { VirtualTable, type TableColumn } from '@/components/VirtualTable'
import { useMessages } from '@/i18n'
import { formatUptime } from '@/lib/ago'
import { dateTimeText } from '@/lib/clockText'
import { selector } from '@/lib/matcher'
import { formatCount, formatSeconds } from '@/lib/units'
import { useNow } from '@/state/live'
import { useTimeState } from '@/state/timeSearch'
import styles from './DeliveriesTab.module.css'
import { ErrorNote } from './parts'
import { Receivers } from './Receivers'
import { useCurrent, useRefreshByHand } from './useAlerts'

/** Who can be told, whether that works, and what was told. */
export function DeliveriesTab() {
  const a = useMessages('alerts').alerts
  useRefreshByHand()
  const tree = useCurrent(['routes'], routingTree, { slowest: 10_000 })
  if (tree.data === undefined) {
    if (tree.error === null) return <Skeleton height={240} />
    const missing = tree.error instanceof ApiError && tree.error.kind === 'missing'
    return <ErrorNote text={missing ? a.unknown : tree.error.message} />
  }
  return (
    <div className={styles.page}>
      <Receivers receivers={tree.data.receivers} />
      <Journal />
    </div>
  )
}

type Shown = 'all' | 'open' | 'failures'

function Journal() {
  const t = useMessages('alerts')
  const d = t.alerts.deliveries
  const { zone } = useTimeState()
  const now = useNow()
  const journal = useCurrent(['journal'], deliveryJournal)
  const [shown, setShown] = useState<Shown>('all')
  const all = useMemo(() => journal.data?.deliveries ?? [], [journal.data])
  const failed = useMemo(
    () => all.filter(({ outcome }) => outcome === 'failed' || outcome === 'unknown'),
    [all],
  )
  const rows =
    shown === 'all' ? all : shown === 'failures' ? failed : all.filter(({ outcome }) => outcome === 'open')
  const reasons: Readonly<Record<string, string>> = d.reason
  const reason = (one: Delivery) => reasons[one.reason] ?? one.reason
  const columns: TableColumn<Delivery>[] = [
    {
      key: 'when',
      title: d.columns.when,
      width: '150px',
      value: (one) => one.decidedAt,
      cell: (one) => dateTimeText(one.decidedAt, zone),
    },
    {
      key: 'outcome',
      title: d.columns.outcome,
      width: 'minmax(160px, 1.2fr)',
      value: (one) => one.outcome,
      cell: (one) => (
        <span
          className={styles.outcome}
          data-outcome={one.outcome}
          title={`${d.outcomeHelp[one.outcome]}\n${one.error}`}
        >
          {d.outcome[one.outcome]}
          {one.outcome === 'open' && one.givenUpAt !== null && (
            <i> {d.retry(formatUptime(Math.max(one.givenUpAt - now, 0) / 1000, t.locale))}</i>
          )}
          {one.error !== '' && one.outcome !== 'delivered' && <i> {one.error}</i>}
        </span>
      ),
    },
    {
      key: 'receiver',
      title: d.columns.receiver,
      width: 'minmax(110px, 0.7fr)',
      value: (one) => `${one.receiver} ${one.kind} ${one.index}`,
      cell: (one) => (
        <>
          <b>{one.receiver}</b> <span className="muted">{one.kind}</span>
        </>
      ),
    },
    {
      key: 'group',
      title: d.columns.group,
      width: 'minmax(160px, 1.3fr)',
      value: (one) => selector('', one.groupLabels),
      cell: (one) => (
        <code className="mono" title={one.groupKey}>
          {selector('', one.groupLabels)}
        </code>
      ),
    },
    {
      key: 'reason',
      title: d.columns.reason,
      width: '120px',
      value: reason,
      cell: reason,
    },
    {
      key: 'alerts',
      title: d.columns.alerts,
      width: '120px',
      numeric: true,
      value: (one) => one.alerts,
      cell: (one) => d.firingOf(one.firing, one.alerts),
    },
    {
      key: 'attempts',
      title: d.columns.attempts,
      width: '80px',
      numeric: true,
      value: (one) => one.attempts,
      cell: (one) => one.attempts,
    },
    {
      key: 'took',
      title: d.columns.took,
      width: '80px',
      numeric: true,
      value: (one) => (one.doneAt === null ? NaN : one.doneAt - one.decidedAt),
      cell: (one) => (one.doneAt === null ? '–' : formatSeconds((one.doneAt - one.decidedAt) / 1000)),
    },
  ]
  return (
    <section className={styles.panel} aria-label={d.journal}>
      <header>
        <h2>{d.journal}</h2>
        <span className="muted">
          {journal.data !== undefined &&
            d.journalHint(formatUptime((now - journal.data.since) / 1000, t.locale))}{' '}
          {journal.data !== undefined &&
            journal.data.forgotten > 0 &&
            d.forgotten(formatCount(journal.data.forgotten))}
        </span>
        <SegmentedControl
          size="xs"
          aria-label={d.filter}
          value={shown}
          onChange={(next) => setShown(next)}
          data={[
            { value: 'all', label: `${t.common.all} ${formatCount(all.length)}` },
            { value: 'open', label: d.open(formatCount(journal.data?.open ?? 0)) },
            { value: 'failures', label: `${d.failures} ${formatCount(failed.length)}` },
          ]}
        />
      </header>
      {journal.error !== null && <ErrorNote text={journal.error.message} />}
      {journal.data !== undefined && rows.length === 0 ? (
        <p className="muted">{d.none}</p>
      ) : (
        <VirtualTable
          label={d.journal}
          rows={rows}
          columns={columns}
          rowKey={(one) => String(one.id)}
          initialSort={{ key: 'when', descending: true }}
          height={560}
          minWidth={980}
        />
      )}
    </section>
  )
}
