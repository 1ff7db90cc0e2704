import { describe, expect, it } from 'vitest'
import { distinguishing, quote, selector, seriesName } from './matcher'
import { matchCost, rankMatches } from './fuzzy'

describe('selectors', () => {
  it('quotes what PromQL would misread', () => {
    expect(quote('a"b\\c\nd')).toBe('"a\\"b\\\\c\\nd"')
    expect(selector('up', {})).toBe('up')
    expect(selector('up', { job: 'a b' })).toBe('up{job="a b"}')
    expect(selector('', { job: 'x' })).toBe('{job="x"}')
    expect(selector('http.requests', { 'service.name': 'x' })).toBe('{"http.requests", "service.name"="x"}')
    expect(seriesName({ __name__: 'up', job: 'x' })).toBe('up{job="x"}')
  })

  it('finds the labels that tell series apart', () => {
    const found = distinguishing([
      { job: 'a', cpu: '0' },
      { job: 'a', cpu: '1' },
    ])
    expect([...found]).toEqual(['cpu'])
  })
})

it('ranks prefixes before word starts before middles', () => {
  const names = ['a_disk_io', 'diskless', 'megadisk', 'other']
  expect(rankMatches(names, 'disk', (n) => n, 10)).toEqual(['diskless', 'a_disk_io', 'megadisk'])
  expect(matchCost('node_disk_read', 'read disk')).not.toBeNull()
  expect(matchCost('node_disk_read', 'read write')).toBeNull()
})
