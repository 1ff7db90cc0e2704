import { describe, expect, it } from 'vitest'
import {
  formatCount,
  formatParts,
  formatValue,
  significant,
  unitOfObservations,
  unitOfQuery,
  type Unit,
} from './units'

describe('significant', () => {
  it.each([
    [0, '0'],
    [1234.5, '1235'],
    [99.96, '100'],
    [0.001234, '0.00123'],
    [-3.14159, '-3.14'],
    [1e-9, '1.00e-9'],
  ])('%d is %s', (value, text) => expect(significant(value)).toBe(text))
})

describe('formatValue', () => {
  const cases: [number, Unit, string][] = [
    [0, 'bytes', '0 B'],
    [1024, 'bytes', '1 KiB'],
    [1023.9, 'bytes', '1 KiB'],
    [25_769_803_776, 'bytes', '24 GiB'],
    [1536, 'bytes/s', '1.5 KiB/s'],
    [0.0425, 'ratio', '4.25%'],
    [1_500_000, 'short', '1.5M'],
    [12, 'per-second', '12/s'],
    [12_300, 'per-second', '12.3 k/s'],
    [0.0000042, 'seconds', '4.2 µs'],
    [90, 'seconds', '90 s'],
    [7200, 'seconds', '2 h'],
    [NaN, 'bytes', 'NaN'],
    [Infinity, 'seconds', '+Inf'],
    [-2048, 'bytes', '-2 KiB'],
  ]
  it.each(cases)('%d in %s is %s', (value, unit, text) => expect(formatValue(value, unit)).toBe(text))

  it('shows absence as a dash', () => expect(formatValue(null, 'short')).toBe('–'))

  it('splits number and suffix for tiles', () => {
    expect(formatParts(25_769_803_776, 'bytes')).toEqual({ number: '24', suffix: 'GiB' })
    expect(formatParts(1_767_225_600, 'timestamp').number).toBe('2026-01-01 00:00:00')
  })

  it('counts in whole numbers as long as they are read', () => {
    expect(formatCount(12_345)).toBe('12,345')
    expect(formatCount(12_345_678)).toBe('12.35M')
  })
})

describe('unitOfQuery', () => {
  const cases: [string, Unit][] = [
    ['node_memory_MemFree_bytes', 'bytes'],
    ['rate(node_network_receive_bytes_total{device="eth0"}[5m])', 'bytes/s'],
    ['sum by (mode) (rate(node_cpu_seconds_total{mode!="idle"}[1m]))', 'ratio'],
    ['histogram_quantile(0.9, sum by (le) (rate(http_request_duration_seconds_bucket[5m])))', 'seconds'],
    ['rate(http_requests_total[5m])', 'per-second'],
    ['node_load1', 'short'],
    ['count(node_memory_MemFree_bytes)', 'short'],
    ['node_filesystem_avail_bytes / node_filesystem_size_bytes', 'ratio'],
    ['node_boot_time_seconds', 'timestamp'],
    ['process_start_time_seconds', 'timestamp'],
    ['scrape_duration_seconds', 'seconds'],
    [
      'rate(http_request_duration_seconds_sum[5m]) / rate(http_request_duration_seconds_count[5m])',
      'seconds',
    ],
    ['node_hwmon_temp_celsius', 'celsius'],
    ['up{note="x_bytes"}', 'short'],
    ['', 'short'],
  ]
  it.each(cases)('%s → %s', (expr, unit) => expect(unitOfQuery(expr)).toBe(unit))
})

it('a rate of histograms still observes what they observe', () => {
  expect(unitOfObservations('rate(http_request_duration_seconds[5m])')).toBe('seconds')
  expect(unitOfObservations('sum by (job) (irate(response_size_bytes[5m]))')).toBe('bytes')
  expect(unitOfObservations('rate(requests[5m])')).toBe('short')
})
