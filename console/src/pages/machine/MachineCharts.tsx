import { memo, useCallback, useMemo } from 'react'
import { FramePanel, type SeriesLook } from '@/components/chart/FramePanel'
import type { ChartSpec } from '@/components/chart/model'
import { useMessages, type With } from '@/i18n'
import type { FrameSeries } from '@/lib/frame'
import { seriesColor, type Scheme } from '@/lib/palette'
import { memoryParts } from './derive'
import { FilesystemPanel } from './FilesystemPanel'
import styles from './MachineCharts.module.css'
import type { Machine } from './useMachine'

const share: ChartSpec = { style: 'area', unit: 'ratio', min: 0 }
const wholeShare: ChartSpec = { style: 'stacked', unit: 'ratio', min: 0, max: 1 }
const flow: ChartSpec = { style: 'area', unit: 'bytes/s' }
const perSecond: ChartSpec = { style: 'line', unit: 'per-second', min: 0 }

type Look = (series: FrameSeries, scheme: Scheme) => SeriesLook | null

/** Colour by meaning, the same on every visit: waiting is yellow, stolen is rose. */
const modeColors: Readonly<Record<string, number>> = {
  system: 1,
  user: 0,
  nice: 2,
  iowait: 3,
  softirq: 4,
  irq: 5,
  steal: 6,
}
const modeOrder = Object.keys(modeColors)

function cpuLook(t: With<'machine'>): Look {
  return ({ labels: { mode = '' }, values }, scheme) => {
    if (mode === 'idle' || !values.some((v) => v !== null && v > 0)) return null
    const known = mode in t.machine.modes
    return {
      label: known ? t.machine.modes[mode as keyof typeof t.machine.modes] : mode,
      color: seriesColor(modeColors[mode] ?? 10, scheme),
      order: modeOrder.includes(mode) ? modeOrder.indexOf(mode) : 99,
    }
  }
}

const memoryLook: Readonly<Record<string, { order: number; color: number }>> = {
  used: { order: 0, color: 0 },
  shared: { order: 1, color: 4 },
  buffers: { order: 2, color: 3 },
  cached: { order: 3, color: 1 },
}

/** Two directions of one device in one colour: in above the line, out below. */
function directionLook(above: string, names: Readonly<Record<string, string>>): Look {
  const devices = new Map<string, number>()
  return ({ labels: { device = '', direction = '' } }, scheme) => {
    if (!devices.has(device)) devices.set(device, devices.size)
    const place = devices.get(device) ?? 0
    return {
      label: `${device} ${names[direction] ?? direction}`,
      color: seriesColor(place * 2 + (direction === above ? 0 : 1), scheme),
      mirrored: direction !== above,
      order: place * 2 + (direction === above ? 0 : 1),
    }
  }
}

function dictionaryLook(label: string, names: Readonly<Record<string, string>>): Look {
  const keys = Object.keys(names)
  return ({ labels }) => {
    const value = labels[label] ?? ''
    return { label: names[value] ?? value, order: keys.indexOf(value) }
  }
}

export const MachineCharts = memo(function MachineCharts({
  machine,
  cores,
}: {
  readonly machine: Machine
  readonly cores: number | null
}) {
  const t = useMessages('machine')
  const m = t.machine
  const looks = useMemo(
    () => ({
      cpu: cpuLook(t),
      network: directionLook('in', { in: t.machine.received, out: t.machine.sent }),
      disk: directionLook('read', { read: t.machine.read, write: t.machine.written }),
      device: (({ labels: { device = '' } }) => ({ label: device })) satisfies Look,
      pressure: dictionaryLook('resource', t.machine.pressures),
      switches: dictionaryLook('kind', {
        contextSwitches: t.machine.contextSwitches,
        interrupts: t.machine.interrupts,
        forks: t.machine.forks,
      }),
      load: (({ labels: { __name__: name = '' } }) => {
        const minutes = Number(name.replace('node_load', ''))
        return { label: t.machine.loadMinutes(minutes), order: minutes }
      }) satisfies Look,
    }),
    [t],
  )
  const memoryData = machine.memory.data
  const memory = useMemo(
    () => ({
      data: memoryData === undefined ? undefined : { ...memoryData, frame: memoryParts(memoryData.frame) },
      error: machine.memory.error,
    }),
    [memoryData, machine.memory.error],
  )
  const memorySeries = useCallback(
    ({ labels: { part = '' } }: FrameSeries, scheme: Scheme): SeriesLook | null => {
      const look = memoryLook[part]
      if (look === undefined) return null
      const { used, shared, buffers, cached } = t.machine
      const names: Record<string, string> = { used, shared, buffers, cached }
      return { label: names[part] ?? part, color: seriesColor(look.color, scheme), order: look.order }
    },
    [t],
  )
  const installed = memoryData?.frame.series
    .find((s) => s.labels.__name__ === 'node_memory_MemTotal_bytes')
    ?.values.at(-1)
  const memorySpec = useMemo(
    (): ChartSpec => ({ style: 'stacked', unit: 'bytes', min: 0, max: installed ?? null }),
    [installed],
  )
  const loadSpec = useMemo((): ChartSpec => ({ style: 'line', unit: 'short', min: 0, max: cores }), [cores])
  const { exprs } = machine
  return (
    <div className={styles.grid}>
      <FramePanel
        title={m.cpu}
        help={m.cpuHelp}
        expr={exprs.cpu}
        live={machine.cpu}
        spec={wholeShare}
        look={looks.cpu}
      />
      <FramePanel
        title={m.memory}
        help={m.memoryHelp}
        expr={exprs.memory}
        live={memory}
        spec={memorySpec}
        look={memorySeries}
      />
      <FramePanel
        title={m.network}
        help={m.networkHelp}
        expr={exprs.network}
        live={machine.network}
        spec={flow}
        look={looks.network}
      />
      <FramePanel
        title={m.diskIo}
        help={m.diskIoHelp}
        expr={exprs.diskIo}
        live={machine.diskIo}
        spec={flow}
        look={looks.disk}
      />
      <FramePanel
        title={m.diskBusy}
        help={m.diskBusyHelp}
        expr={exprs.diskBusy}
        live={machine.diskBusy}
        spec={share}
        look={looks.device}
      />
      <FramePanel
        title={m.load}
        help={m.loadHelp}
        expr={exprs.load}
        live={machine.load}
        spec={loadSpec}
        look={looks.load}
      />
      <FramePanel
        title={m.pressure}
        help={m.pressureHelp}
        expr={exprs.pressure}
        live={machine.pressure}
        spec={share}
        look={looks.pressure}
      />
      <FramePanel
        title={m.switches}
        help={m.switchesHelp}
        expr={exprs.switches}
        live={machine.switches}
        spec={perSecond}
        look={looks.switches}
      />
      <FilesystemPanel live={machine.filesystems.data} expr={exprs.filesystems} />
    </div>
  )
})
