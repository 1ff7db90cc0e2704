import { expect, it } from 'vitest'
import type { Frame } from '@/lib/frame'
import { filesystems, latest, memoryParts, memoryUsed, total } from './derive'

const frame = (columns: readonly [Record<string, string>, (number | null)[]][]): Frame => ({
  times: [1, 2],
  series: columns.map(([labels, values]) => ({ key: JSON.stringify(labels), labels, values })),
})
const memory = (name: string, ...values: number[]): [Record<string, string>, number[]] => [
  { __name__: `node_memory_${name}_bytes` },
  values,
]

it('splits memory into parts that add up to all of it', () => {
  const found = memoryParts(
    frame([
      memory('MemTotal', 100, 100),
      memory('MemFree', 20, 10),
      memory('MemAvailable', 60, 50),
      memory('Buffers', 5, 5),
      memory('Cached', 40, 45),
      memory('SReclaimable', 4, 4),
      memory('Shmem', 3, 3),
    ]),
  )
  for (const i of [0, 1]) {
    expect(found.series.reduce((sum, s) => sum + (s.values[i] ?? 0), 0)).toBe(100)
  }
})

it('counts memory as used that is not available', () => {
  expect(memoryUsed(frame([memory('MemTotal', 100, 100), memory('MemAvailable', 60, 50)]))).toEqual([40, 50])
})

it('counts a filesystem as df does, and a bind mount once', () => {
  const fs = (name: string, mountpoint: string, bytes: number): [Record<string, string>, number[]] => [
    { __name__: `node_filesystem_${name}_bytes`, device: '/dev/a', fstype: 'ext4', mountpoint },
    [bytes, bytes],
  ]
  const mounts = ['/data', '/']
  const found = filesystems(
    frame(mounts.flatMap((m) => [fs('size', m, 1000), fs('free', m, 300), fs('avail', m, 200)])),
  )
  expect(found).toHaveLength(1)
  expect(found[0]).toMatchObject({ mount: '/', size: 1000, available: 200 })
  expect(found[0]?.usedShare).toBeCloseTo(700 / 900)
})

it('sums what is there and looks only a little way back', () => {
  const both = frame([
    [{ direction: 'in', device: 'a' }, [1, null]],
    [{ direction: 'in', device: 'b' }, [2, null]],
    [{ direction: 'out', device: 'a' }, [9, 9]],
  ])
  expect(total(both, { direction: 'in' })).toEqual([3, null])
  expect(latest([7, null, null])).toBe(7)
  expect(latest([7, ...new Array<null>(10).fill(null)])).toBeNull()
})
