import { expect, it } from 'vitest'
import { ApiError } from '../api/http'
import { characterOf, errorPosition, errorText, mistakeIn, offsetOf } from './serverError'

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

it('takes the place and the suggestion from a server that tells them', () => {
  const place = { start: 7, end: 10, line: 1, column: 8 }
  const error = new ApiError('refused', message, 'bad_data', null, { place, help: 'did you mean "rate"?' })
  expect(mistakeIn(error, 'x{火}+rat(y)')).toEqual({
    from: 5,
    to: 8,
    line: 1,
    column: 8,
    help: 'did you mean "rate"?',
  })
  expect(mistakeIn(new Error(message), 'sum(\nx y)')).toEqual({
    from: 9,
    to: 10,
    line: 2,
    column: 5,
    help: '',
  })
  expect(mistakeIn(new Error('too many samples'), 'x')).toBeNull()
})

it('counts characters of any width', () => {
  expect([0, 1, 4, 8, 9].map((byte) => characterOf('a火😀b', byte))).toEqual([0, 1, 2, 4, 5])
})
