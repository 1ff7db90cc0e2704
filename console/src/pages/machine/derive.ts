import type { Labels } from '@/api/types'
import type { Frame, FrameSeries } from '@/lib/frame'

export type Column = readonly (number | null)[]

/** The newest known value, at most a few steps old. */
export function latest(values: Column): number | null {
  for (let i = values.length - 1; i >= 0 && i >= values.length - 6; i--) {
    const value = values[i] ?? null
    if (value !== null && !Number.isNaN(value)) return value
  }
  return null
}

export function findSeries(frame: Frame, labels: Labels): FrameSeries | undefined {
  return frame.series.find((s) => Object.entries(labels).every(([name, value]) => s.labels[name] === value))
}

export function column(frame: Frame, labels: Labels): Column {
  return findSeries(frame, labels)?.values ?? []
}

/** Combines columns point by point; a point exists where all of them do. */
export function combine(columns: readonly Column[], join: (...values: number[]) => number): Column {
  const first = columns[0] ?? []
  return first.map((_, i) => {
    const values = columns.map((c) => c[i] ?? null)
    return values.every((v): v is number => v !== null) ? join(...values) : null
  })
}

/** The sum over the series that match, ignoring those without a point. */
export function total(frame: Frame, labels: Labels): Column {
  const chosen = frame.series.filter((s) =>
    Object.entries(labels).every(([name, value]) => s.labels[name] === value),
  )
  return frame.times.map((_, i) => {
    let sum: number | null = null
    for (const s of chosen) {
      const value = s.values[i] ?? null
      if (value !== null) sum = (sum ?? 0) + value
    }
    return sum
  })
}

const memoryName = (name: string) => ({ __name__: `node_memory_${name}_bytes` })

/** What the kernel could not give to a new program, as a share of all memory. */
export function memoryUsed(frame: Frame): Column {
  return combine(
    [column(frame, memoryName('MemTotal')), column(frame, memoryName('MemAvailable'))],
    (all, available) => all - available,
  )
}

/** Memory by use, disjoint, so that the stack ends at the total. */
export function memoryParts(frame: Frame): Frame {
  const get = (name: string) => column(frame, memoryName(name))
  const all = get('MemTotal')
  const free = get('MemFree')
  const buffers = get('Buffers')
  const shared = get('Shmem')
  const orZero = (values: Column): Column => (values.length === 0 ? all.map(() => 0) : values)
  const cache = combine([get('Cached'), orZero(get('SReclaimable')), orZero(shared)], (c, r, s) =>
    Math.max(c + r - s, 0),
  )
  const used = combine([all, free, orZero(buffers), cache, orZero(shared)], (t, f, b, c, s) =>
    Math.max(t - f - b - c - s, 0),
  )
  const parts: [string, Column][] = [
    ['used', used],
    ['shared', shared],
    ['buffers', buffers],
    ['cached', cache],
    ['unused', free],
  ]
  return {
    times: frame.times,
    series: parts
      .filter(([, values]) => values.length > 0)
      .map(([key, values]) => ({ key, labels: { part: key }, values })),
  }
}

export interface Filesystem {
  readonly mount: string
  readonly device: string
  readonly kind: string
  readonly size: number
  readonly available: number
  /** As `df` counts: what is used, out of what ordinary users could use. */
  readonly usedShare: number
  readonly shares: Column
}

export function filesystems(frame: Frame): Filesystem[] {
  const found: Filesystem[] = []
  for (const size of frame.series.filter((s) => s.labels.__name__ === 'node_filesystem_size_bytes')) {
    const labels = size.labels
    const available = column(frame, { ...labels, __name__: 'node_filesystem_avail_bytes' })
    const free = column(frame, { ...labels, __name__: 'node_filesystem_free_bytes' })
    const shares = combine([size.values, free, available], (s, f, a) => (s - f) / Math.max(s - f + a, 1))
    const [bytes, left, share] = [latest(size.values), latest(available), latest(shares)]
    if (bytes === null || bytes === 0 || left === null || share === null) continue
    found.push({
      mount: labels.mountpoint ?? '',
      device: labels.device ?? '',
      kind: labels.fstype ?? '',
      size: bytes,
      available: left,
      usedShare: share,
      shares,
    })
  }
  // A device mounted in many places (bind mounts) is one filesystem: keep the shortest path.
  const byDevice = new Map<string, Filesystem>()
  for (const fs of found) {
    const key = `${fs.device}|${fs.size}`
    const known = byDevice.get(key)
    if (known === undefined || fs.mount.length < known.mount.length) byDevice.set(key, fs)
  }
  return [...byDevice.values()].sort((a, b) => b.usedShare - a.usedShare)
}
