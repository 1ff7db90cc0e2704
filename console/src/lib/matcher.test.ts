import { describe, expect, it } from 'vitest'
import { distinguishing, quote, selector, seriesName, exactPattern } from './matcher'
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

it('patterns that are compared exactly are found', () => {
  expect(exactPattern('sum(rate(x{code="5.."}[5m]))')).toBe('code="5.."')
  expect(exactPattern('x{a=~"b|c"} / y{job = "api|web"}')).toBe('job = "api|web"')
  expect(exactPattern('x{path="/a.b", code!="5..", a=~".*"}')).toBeNull()
})
