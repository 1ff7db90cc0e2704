import { useComputedColorScheme } from '@mantine/core'
import { memo, type ReactNode } from 'react'
import { Sparkline } from '@/components/chart/Sparkline'
import { useMessages } from '@/i18n'
import { emptyFrame, type Frame } from '@/lib/frame'
import { seriesColor } from '@/lib/palette'
import { formatParts, formatValue, significant, type Unit } from '@/lib/units'
import { column, combine, filesystems, latest, memoryUsed, total, type Column } from './derive'
import styles from './StatusTiles.module.css'
import type { Machine } from './useMachine'

type Tone = 'calm' | 'warn' | 'bad'

interface TileProps {
  readonly title: string
  readonly value: number | null
  readonly unit: Unit
  readonly tone?: Tone
  readonly detail: ReactNode
  readonly spark: Column
  readonly sparkMax?: number
  readonly color: string
}

function Tile({ title, value, unit, tone = 'calm', detail, spark, sparkMax, color }: TileProps) {
  const parts = value === null ? { number: '–', suffix: '' } : formatParts(value, unit)
  return (
    <section className={styles.tile} data-tone={tone} aria-label={title}>
      <h2>{title}</h2>
      <p className={styles.value}>
        <b>{parts.number}</b>
        {parts.suffix !== '' && <span>{parts.suffix}</span>}
      </p>
      <p className={`${styles.detail} clip`}>{detail}</p>
      <Sparkline
        values={spark}
        color={color}
        min={0}
        {...(sparkMax === undefined ? {} : { max: sparkMax })}
      />
    </section>
  )
}

const frameOf = (query: { data: { frame: Frame } | undefined }): Frame => query.data?.frame ?? emptyFrame

function toneOf(value: number | null, warn: number, bad: number): Tone {
  if (value === null || value < warn) return 'calm'
  return value < bad ? 'warn' : 'bad'
}

/** The machine in six numbers, each with its course over the chosen range. */
export const StatusTiles = memo(function StatusTiles({
  machine,
  cores,
}: {
  readonly machine: Machine
  readonly cores: number | null
}) {
  const t = useMessages('machine')
  const m = t.machine
  const scheme = useComputedColorScheme('dark', { getInitialValueInEffect: false })
  const color = (index: number) => seriesColor(index, scheme)

  const busy = combine([column(frameOf(machine.cpu), { mode: 'idle' })], (idle) => Math.max(1 - idle, 0))
  const memory = frameOf(machine.memory)
  const used = memoryUsed(memory)
  const all = latest(column(memory, { __name__: 'node_memory_MemTotal_bytes' }))
  const share = combine(
    [used, column(memory, { __name__: 'node_memory_MemTotal_bytes' })],
    (part, whole) => part / whole,
  )
  const load = column(frameOf(machine.load), { __name__: 'node_load1' })
  const fullest = filesystems(frameOf(machine.filesystems))[0]
  const received = total(frameOf(machine.network), { direction: 'in' })
  const sent = total(frameOf(machine.network), { direction: 'out' })
  const pressure = frameOf(machine.pressure).series
  const worst = pressure
    .map((s) => ({ name: s.labels.resource ?? '', values: s.values, now: latest(s.values) ?? 0 }))
    .sort((a, b) => b.now - a.now)[0]
  const pressureName = m.pressures[(worst?.name ?? 'cpu') as keyof typeof m.pressures]
  const loadNow = latest(load)
  const perCore = loadNow === null || cores === null ? null : loadNow / cores
  return (
    <div className={styles.tiles}>
      <Tile
        title={m.cpu}
        value={latest(busy)}
        unit="ratio"
        tone={toneOf(latest(busy), 0.8, 0.95)}
        detail={cores === null ? '' : m.cores(cores)}
        spark={busy}
        sparkMax={1}
        color={color(0)}
      />
      <Tile
        title={m.memory}
        value={latest(share)}
        unit="ratio"
        tone={toneOf(latest(share), 0.85, 0.95)}
        detail={`${formatValue(latest(used), 'bytes')} ${t.common.of(formatValue(all, 'bytes'))}`}
        spark={share}
        sparkMax={1}
        color={color(1)}
      />
      <Tile
        title={m.load}
        value={loadNow}
        unit="short"
        tone={toneOf(perCore, 1, 2)}
        detail={perCore === null ? '' : m.perCore(significant(perCore, 2))}
        spark={load}
        {...(cores === null ? {} : { sparkMax: cores })}
        color={color(2)}
      />
      <Tile
        title={m.disk}
        value={fullest?.usedShare ?? null}
        unit="ratio"
        tone={toneOf(fullest?.usedShare ?? null, 0.85, 0.95)}
        detail={
          fullest === undefined
            ? m.notReported
            : `${fullest.mount} · ${m.free(formatValue(fullest.available, 'bytes'))}`
        }
        spark={fullest?.shares ?? []}
        sparkMax={1}
        color={color(3)}
      />
      <Tile
        title={m.network}
        value={latest(received)}
        unit="bytes/s"
        detail={`${m.received} · ${m.sent} ${formatValue(latest(sent), 'bytes/s')}`}
        spark={received}
        color={color(4)}
      />
      <Tile
        title={m.pressure}
        value={worst?.now ?? null}
        unit="ratio"
        tone={toneOf(worst?.now ?? null, 0.25, 0.6)}
        detail={worst === undefined ? m.notReported : m.worst(pressureName)}
        spark={worst?.values ?? []}
        sparkMax={0.2}
        color={color(6)}
      />
    </div>
  )
})
