import type { Milliseconds } from '@/lib/brand'
import { quote } from '@/lib/matcher'
import { rateWindow } from '@/lib/step'
import type { Host } from '@/state/hosts'

const unmeasuredDisks = '(loop|ram|zram|fd|sr|nbd).*'
const virtualNetworks = 'lo|(veth|ifb|dummy|cali|flannel|virbr|tunl|docker|br-).*'
const virtualFilesystems = 'tmpfs|ramfs|rootfs|squashfs|overlay|iso9660|devtmpfs|nsfs|fuse.lxcfs'

export interface MachineQueries {
  readonly cpu: string
  readonly memory: string
  readonly load: string
  readonly diskIo: string
  readonly diskBusy: string
  readonly filesystems: string
  readonly network: string
  readonly pressure: string
  readonly switches: string
}

/**
 * One query per chart. Parts that `rate` would leave without a name are told apart by an added label, so that each
 * chart costs one request and opens in Explore as it is.
 */
export function machineQueries(host: Host, step: Milliseconds, interval: Milliseconds): MachineQueries {
  const where = `instance=${quote(host.instance)},job=${quote(host.job)}`
  const window = `[${rateWindow(step, interval)}]`
  const rate = (metric: string, more = '') => `rate(${metric}{${where}${more}}${window})`
  const named = (label: string, parts: readonly (readonly [string, string])[]) =>
    parts.map(([name, expr]) => `label_replace(${expr}, "${label}", "${name}", "", "")`).join('\n  or\n')
  const disks = `,device!~"${unmeasuredDisks}"`
  const networks = `,device!~"${virtualNetworks}"`
  return {
    cpu: `avg by (mode) (\n  ${rate('node_cpu_seconds_total')}\n)`,
    memory: `{__name__=~"node_memory_(MemTotal|MemFree|MemAvailable|Buffers|Cached|SReclaimable|Shmem|SwapTotal|SwapFree)_bytes",${where}}`,
    load: `{__name__=~"node_load(1|5|15)",${where}}`,
    diskIo: named('direction', [
      ['read', rate('node_disk_read_bytes_total', disks)],
      ['write', rate('node_disk_written_bytes_total', disks)],
    ]),
    diskBusy: rate('node_disk_io_time_seconds_total', disks),
    filesystems: `{__name__=~"node_filesystem_(size|avail|free)_bytes",fstype!~"${virtualFilesystems}",${where}}`,
    network: named('direction', [
      ['in', rate('node_network_receive_bytes_total', networks)],
      ['out', rate('node_network_transmit_bytes_total', networks)],
    ]),
    pressure: named('resource', [
      ['cpu', rate('node_pressure_cpu_waiting_seconds_total')],
      ['io', rate('node_pressure_io_waiting_seconds_total')],
      ['ioFull', rate('node_pressure_io_stalled_seconds_total')],
      ['memory', rate('node_pressure_memory_waiting_seconds_total')],
      ['memoryFull', rate('node_pressure_memory_stalled_seconds_total')],
    ]),
    switches: named('kind', [
      ['contextSwitches', rate('node_context_switches_total')],
      ['interrupts', rate('node_intr_total')],
      ['forks', rate('node_forks_total')],
    ]),
  }
}

/** Facts that hardly ever change, in one answer. */
export function factsQuery(host: Host): string {
  const where = `instance=${quote(host.instance)},job=${quote(host.job)}`
  return [
    `{__name__=~"node_uname_info|node_os_info|node_boot_time_seconds",${where}}`,
    `label_replace(count(count by (cpu) (node_cpu_seconds_total{${where}})), "__name__", "cores", "", "")`,
  ].join(' or ')
}
