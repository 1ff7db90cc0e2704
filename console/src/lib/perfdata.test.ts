import { expect, test } from 'vitest'
import { perfCharts, perfUnit } from './perfdata'

const series = (metric: string, perfdata: string, unit: string, values: (number | null)[]) => ({
  key: `${metric} ${perfdata}`,
  labels: { __name__: `nagios_perfdata_${metric}`, perfdata, unit, check: 'disk' },
  values,
})

test('what a plugin measures has its limits beside it, open ends left out', () => {
  const frame = {
    times: [1, 2],
    series: [
      series('critical_high', '/', 'bytes', [90, 90]),
      series('critical_low', '/', 'bytes', [0, 0]),
      series('value', '/', 'bytes', [10, null]),
      series('warning_high', '/', 'bytes', [Infinity, Infinity]),
      series('value', 'used', 'percent', [40, 41]),
      series('warning_high', 'lost', 'count', [1, 1]),
    ],
  }
  const charts = perfCharts(frame, { warning: 'w', critical: 'c' })
  expect(charts.map(({ name, unit, last, lines }) => [name, unit, last, lines.map((l) => l.label)])).toEqual([
    ['/', 'bytes', 10, ['/', 'c']],
    ['used (%)', 'short', 41, ['used']],
  ])
})

test('units that are written in their own way', () => {
  expect(['seconds', 'bytes', 'percent', 'count', 'other'].map(perfUnit)).toEqual([
    'seconds',
    'bytes',
    'short',
    'short',
    'short',
  ])
})
