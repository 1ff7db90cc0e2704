import { useQuery } from '@tanstack/react-query'
import { useEffect, useMemo } from 'react'
import { queryVector, sampleTimes } from '@/api/query'
import { ms, type Milliseconds } from '@/lib/brand'
import { selector } from '@/lib/matcher'
import { chooseStep, medianInterval } from '@/lib/step'
import { resolveRange } from '@/lib/time'
import { useLiveFrame, useNow } from '@/state/live'
import { stored } from '@/state/stored'
import { useTimeState } from '@/state/timeSearch'
import { hostsOptions, type Host } from '@/state/hosts'
import { factsQuery, machineQueries } from './queries'

/** How often hosts are sampled, remembered so that the next visit asks with the right window at once. */
const knownInterval = stored<number | null>('sample-interval-ms', (raw) =>
  typeof raw === 'number' && raw >= 1000 ? raw : null,
)

/** The interval of a host with fewer than two samples so far: the agent's own. */
const newHostInterval = ms(1000)

export interface Hosts {
  readonly hosts: readonly Host[]
  readonly chosen: Host | null
  readonly loading: boolean
  readonly error: Error | null
}

export function useHosts(): Hosts {
  const { host } = useTimeState()
  const found = useQuery(hostsOptions)
  return useMemo(() => {
    const hosts = found.data ?? []
    const chosen =
      hosts.find((h) => h.instance === host) ?? hosts.find((h) => h.job === 'node') ?? hosts[0] ?? null
    return { hosts, chosen, loading: found.isPending, error: found.error }
  }, [found.data, found.isPending, found.error, host])
}

/** How often the host is sampled; null until that is known, as a guess would cost a round of wrong queries. */
function useInterval(host: Host): Milliseconds | null {
  const remembered = knownInterval.use()
  const measured = useQuery({
    queryKey: ['interval', host],
    queryFn: async ({ signal }) => {
      const selected = selector('node_load1', { instance: host.instance, job: host.job })
      return medianInterval(await sampleTimes(selected, '5m', signal))
    },
    refetchInterval: (query) => (query.state.data == null ? 2000 : 60_000),
  })
  const interval = measured.data ?? null
  useEffect(() => {
    if (interval !== null && interval !== knownInterval.get()) knownInterval.set(interval)
  }, [interval])
  if (interval !== null) return interval
  if (remembered !== null) return ms(remembered)
  return measured.isPending ? null : newHostInterval
}

export interface Facts {
  readonly system: string
  readonly kernel: string
  readonly bootTime: number | null
  readonly cores: number | null
}

export function useFacts(host: Host): Facts | null {
  const facts = useQuery({
    queryKey: ['facts', host],
    queryFn: async ({ signal }): Promise<Facts> => {
      const samples = await queryVector(factsQuery(host), undefined, signal)
      const find = (name: string) => samples.find((s) => s.metric.__name__ === name)
      const uname = find('node_uname_info')?.metric
      return {
        system: find('node_os_info')?.metric.pretty_name ?? uname?.sysname ?? '',
        kernel: [uname?.release, uname?.machine].filter((part) => part !== undefined).join(' '),
        bootTime: find('node_boot_time_seconds')?.value ?? null,
        cores: find('cores')?.value ?? null,
      }
    },
    staleTime: 60_000,
    refetchInterval: (query) => (query.state.data?.cores == null ? 2000 : 60_000),
  })
  return facts.data ?? null
}

/** Points per chart; about one per two pixels of a panel. */
function panelPoints(): number {
  const columns = window.innerWidth > 1100 ? 3 : window.innerWidth > 760 ? 2 : 1
  return Math.min(Math.max(Math.round(window.innerWidth / columns), 300), 460)
}

export function useMachine(host: Host) {
  const { range, zone } = useTimeState()
  const now = useNow()
  const interval = useInterval(host)
  const { from, to } = resolveRange(range, now, zone)
  const step = ms(Math.max(chooseStep(ms(to - from), panelPoints()), interval ?? 0))
  const exprs = useMemo(() => machineQueries(host, step, interval ?? newHostInterval), [host, step, interval])
  const live = (expr: string) => (interval === null ? null : expr)
  return {
    exprs,
    cpu: useLiveFrame(live(exprs.cpu), step),
    memory: useLiveFrame(live(exprs.memory), step),
    load: useLiveFrame(live(exprs.load), step),
    diskIo: useLiveFrame(live(exprs.diskIo), step),
    diskBusy: useLiveFrame(live(exprs.diskBusy), step),
    network: useLiveFrame(live(exprs.network), step),
    pressure: useLiveFrame(live(exprs.pressure), step),
    switches: useLiveFrame(live(exprs.switches), step),
    filesystems: useLiveFrame(live(exprs.filesystems), step),
  }
}

export type Machine = ReturnType<typeof useMachine>
