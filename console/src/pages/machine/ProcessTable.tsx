import { TextInput } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useMemo, useState } from 'react'
import { infoPage, processes } from '@/api/catalog'
import { ApiError } from '@/api/http'
import type { ProcessInfo } from '@/api/types'
import { Panel } from '@/components/chart/Panel'
import { ShareBar } from '@/components/ShareBar'
import { VirtualTable, type TableColumn } from '@/components/VirtualTable'
import { useMessages, type With } from '@/i18n'
import { formatUptime } from '@/lib/ago'
import { formatValue, significant } from '@/lib/units'
import { liveKey } from '@/state/live'
import styles from './ProcessTable.module.css'

function useColumns(t: With<'machine'>, all: readonly ProcessInfo[]): TableColumn<ProcessInfo>[] {
  const largest = useMemo(() => all.reduce((max, p) => Math.max(max, p.rssBytes), 1), [all])
  return useMemo(() => {
    const p = t.machine.processes
    const states: Record<string, string> = p.states
    return [
      {
        key: 'name',
        title: p.name,
        width: 'minmax(130px, 1.2fr)',
        value: (r) => r.name,
        cell: (r) => <b className={styles.name}>{r.name}</b>,
      },
      {
        key: 'cpu',
        title: p.cpu,
        width: '130px',
        numeric: true,
        value: (r) => r.cpuPercent,
        cell: (r) => (
          <span className={styles.meter}>
            <ShareBar share={r.cpuPercent / 100} label={p.cpu} thin />
            {significant(r.cpuPercent, 3)}%
          </span>
        ),
      },
      {
        key: 'memory',
        title: p.memory,
        width: '150px',
        numeric: true,
        value: (r) => r.rssBytes,
        cell: (r) => (
          <span className={styles.meter}>
            <ShareBar share={r.rssBytes / largest} label={p.memory} thin />
            {formatValue(r.rssBytes, 'bytes')}
          </span>
        ),
      },
      { key: 'pid', title: p.pid, width: '76px', numeric: true, value: (r) => r.pid, cell: (r) => r.pid },
      { key: 'user', title: p.user, width: '90px', value: (r) => r.user, cell: (r) => r.user },
      {
        key: 'threads',
        title: p.threads,
        width: '76px',
        numeric: true,
        value: (r) => r.threads,
        cell: (r) => r.threads,
      },
      {
        key: 'state',
        title: p.state,
        width: '90px',
        value: (r) => r.state,
        cell: (r) => states[r.state] ?? r.state,
      },
      {
        key: 'started',
        title: p.started,
        width: '104px',
        numeric: true,
        value: (r) => -r.startTimeMs,
        cell: (r) =>
          r.startTimeMs === 0 ? '–' : formatUptime((Date.now() - r.startTimeMs) / 1000, t.locale),
      },
      {
        key: 'command',
        title: p.command,
        width: 'minmax(160px, 3fr)',
        value: (r) => r.command,
        cell: (r) => (
          <span className="mono muted" title={r.command}>
            {r.command}
          </span>
        ),
      },
    ]
  }, [t, largest])
}

/** The name of the machine the server runs on; its agent reports under it. Null while unknown. */
function useServerHost(): string | null {
  const info = useQuery({
    queryKey: ['info', 'runtimeinfo'],
    queryFn: ({ signal }) => infoPage('runtimeinfo', signal),
    staleTime: Infinity,
  })
  return info.data?.hostname ?? null
}

export function ProcessTable({ host }: { readonly host: string }) {
  const t = useMessages('machine')
  const p = t.machine.processes
  const serverHost = useServerHost()
  const [filter, setFilter] = useState('')
  const answer = useQuery({
    queryKey: [liveKey, 'processes'],
    queryFn: ({ signal }) => processes(signal),
    retry: false,
  })
  const all = useMemo(() => answer.data ?? [], [answer.data])
  const rows = useMemo(() => {
    const wanted = filter.toLowerCase()
    if (wanted === '') return all
    return all.filter((r) => `${r.name} ${r.command} ${r.user} ${r.pid}`.toLowerCase().includes(wanted))
  }, [all, filter])
  const columns = useColumns(t, all)
  const missing =
    answer.error instanceof ApiError && answer.error.kind !== 'network' && answer.data === undefined
  return (
    <Panel
      title={p.title}
      extra={
        <div className={styles.tools}>
          {all.length > 0 && <span className="muted tnum">{p.count(rows.length)}</span>}
          <TextInput
            data-main-input
            size="xs"
            placeholder={p.filter}
            aria-label={p.filter}
            value={filter}
            onChange={(event) => setFilter(event.currentTarget.value)}
          />
        </div>
      }
    >
      {serverHost !== null && serverHost !== host && !missing && (
        <p className={`${styles.note} muted`}>{p.elsewhere(host)}</p>
      )}
      {missing ? (
        <p className={`${styles.note} muted`}>{p.missing}</p>
      ) : (
        <VirtualTable
          label={p.title}
          rows={rows}
          columns={columns}
          rowKey={(r) => `${r.pid}-${r.startTimeMs}`}
          initialSort={{ key: 'cpu', descending: true }}
          height={330}
          minWidth={980}
        />
      )}
    </Panel>
  )
}
