import { expect, it } from 'vitest'
import { coveringLabel } from './useBase'

it('begins with the label that nearly all logs have', () => {
  const of = (...pairs: [string, number][]) => coveringLabel(pairs.map(([name, bytes]) => ({ name, bytes })))
  expect(of(['app', 90], ['host', 100], ['zone', 100])).toBe('host')
  expect(of(['zone', 100], ['env', 99.9])).toBe('zone')
  expect(of(['env', 1000], ['service_name', 999])).toBe('service_name')
  expect(of()).toBeNull()
})
