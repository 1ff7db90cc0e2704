import type { Frame } from './frame'
import type { Unit } from './units'

export interface PerfLine {
  readonly key: string
  readonly label: string
  readonly kind: 'value' | 'warning' | 'critical'
  readonly dashed?: boolean
  readonly values: readonly (number | null)[]
}

/** One thing that a plugin measures, with the limits it states. */
export interface PerfChart {
  readonly key: string
  readonly name: string
  readonly unit: Unit
  readonly last: number | null
  readonly lines: readonly PerfLine[]
}

const shares: ReadonlySet<string> = new Set(['percent'])

/** How numbers of a unit of perfdata are written; times and sizes are stored in seconds and bytes. */
export const perfUnit = (unit: string): Unit => (unit === 'seconds' || unit === 'bytes' ? unit : 'short')

const suffixes = [
  ['_warning_low', 'warning'],
  ['_warning_high', 'warning'],
  ['_critical_low', 'critical'],
  ['_critical_high', 'critical'],
] as const

/** Charts of what a plugin measured, from series of `nagios_perfdata_…`; limits that are open are left out. */
export function perfCharts(
  frame: Frame,
  words: { readonly warning: string; readonly critical: string },
): PerfChart[] {
  const byName = new Map<string, { name: string; unit: string; lines: PerfLine[] }>()
  for (const { key, labels, values } of frame.series) {
    const { __name__: metric = '', perfdata: name = '', unit = '' } = labels
    const at = `${name}\u0001${unit}`
    const chart = byName.get(at) ?? { name, unit, lines: [] }
    byName.set(at, chart)
    if (metric.endsWith('_value')) {
      chart.lines.unshift({ key, label: name, kind: 'value', values })
      continue
    }
    const kind = suffixes.find(([suffix]) => metric.endsWith(suffix))?.[1]
    const finite = values.map((value) => (value !== null && Number.isFinite(value) ? value : null))
    if (kind === undefined || finite.every((value) => value === null)) continue
    // A range that begins at nothing has no lower end that anybody would look for.
    if (metric.endsWith('_low') && finite.every((value) => value === null || value === 0)) continue
    chart.lines.push({ key, label: words[kind], kind, dashed: true, values: finite })
  }
  return [...byName]
    .filter(([, { lines }]) => lines[0]?.kind === 'value')
    .map(([key, { name, unit, lines }]) => ({
      key,
      name: shares.has(unit) ? `${name} (%)` : name,
      unit: perfUnit(unit),
      last: lines[0]?.values.findLast((value) => value !== null) ?? null,
      lines,
    }))
}
