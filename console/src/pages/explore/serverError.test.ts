import { expect, it } from 'vitest'
import { errorPosition, errorText, offsetOf } from './serverError'

const message = 'invalid parameter "query": 2:5: parse error: unexpected <EOF>'

it('finds where the server found fault', () => {
  expect(errorPosition(message)).toEqual({ line: 2, column: 5 })
  expect(errorPosition('query timed out after 12:30')).toBeNull()
  expect(errorPosition('execution: expanding series: many')).toBeNull()
})

it('keeps the part people need', () => {
  expect(errorText(message)).toBe('unexpected <EOF>')
  expect(errorText('query timed out')).toBe('query timed out')
})

it('maps a position to the text, however far off it is', () => {
  expect(offsetOf('ab\ncdef', { line: 2, column: 3 })).toBe(5)
  expect(offsetOf('ab', { line: 9, column: 9 })).toBe(2)
})
