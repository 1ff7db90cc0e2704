import { expect, it } from 'vitest'
import { formatUptime } from './ago'
import { dateTimeText, exactTimeText, offsetText, tickTexts } from './clockText'

const at = Date.UTC(2026, 10, 21, 23, 59, 30)

it('writes instants in the zone', () => {
  expect(dateTimeText(at, 'utc')).toBe('2026-11-21 23:59:30')
  expect(dateTimeText(at, 'Asia/Shanghai')).toBe('2026-11-22 07:59:30')
  expect(exactTimeText(at + 7, 'utc')).toBe('2026-11-21 23:59:30.007')
})

it('shows as much on an axis as its spacing needs', () => {
  expect(tickTexts([at, at + 10_000], 10_000, 'utc')).toEqual(['23:59:30', '23:59:40'])
  expect(tickTexts([at, at + 60_000], 60_000, 'utc')).toEqual(['23:59', '00:00\n11-22'])
  expect(tickTexts([at], 86_400_000, 'utc')).toEqual(['11-21'])
})

it('writes offsets and spans', () => {
  expect([0, 28_800_000, -12_600_000].map(offsetText)).toEqual(['UTC', 'UTC+8', 'UTC-3:30'])
  expect(formatUptime(273_600, 'en')).toBe('3d 4h')
  expect(formatUptime(59, 'zh-CN')).toBe('59 秒')
  expect(formatUptime(0, 'en')).toBe('0s')
})
