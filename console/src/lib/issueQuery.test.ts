import { expect, test } from 'vitest'
import { isNarrowed, queryOf } from './issueQuery'

test('controls and words become one query', () => {
  expect(queryOf({})).toBe('')
  expect(queryOf({ q: ' KeyError ', level: 'error', is: 'new' })).toBe('KeyError is:new level:error')
  expect(queryOf({ release: 'my shop@1', env: 'prod"x' })).toBe('release:"my shop@1" environment:prodx')
  expect(queryOf({ assigned: '-' })).toBe('is:unassigned')
  expect(queryOf({ assigned: 'ann' })).toBe('assigned:ann')
})

test('a state alone does not narrow', () => {
  expect(isNarrowed({ status: 'resolved', sort: 'events' })).toBe(false)
  expect(isNarrowed({ project: 'shop' })).toBe(true)
  expect(isNarrowed({ q: 'x' })).toBe(true)
})
