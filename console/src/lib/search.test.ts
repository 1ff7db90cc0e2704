import { describe, expect, it } from 'vitest'
import { many, one, oneOf, parseSearch, stringifySearch } from './search'

describe('the address bar', () => {
  it('keeps queries of any content', () => {
    const state = { from: 'now-1h', q: ['up{a="b,c"}', 'rate(x[5m]) > 0 and y{z=~".+&?#"}', '1+1'] }
    expect(parseSearch(stringifySearch(state))).toEqual(state)
  })

  it('writes a short and readable form', () => {
    expect(stringifySearch({ tz: 'Asia/Shanghai', from: undefined, q: ['up'] })).toBe(
      '?tz=Asia/Shanghai&q=up',
    )
    expect(stringifySearch({})).toBe('')
  })

  it('takes what it is given by hand', () => {
    expect(parseSearch('?q=up&q=down&x=1')).toEqual({ q: ['up', 'down'], x: '1' })
  })

  it('narrows values', () => {
    expect(one(['a', 'b'])).toBe('a')
    expect(one(7)).toBeUndefined()
    expect(many('a')).toEqual(['a'])
    expect(many(undefined)).toEqual([])
    expect(oneOf('table', ['graph', 'table'] as const)).toBe('table')
    expect(oneOf('pie', ['graph', 'table'] as const)).toBeUndefined()
  })
})
