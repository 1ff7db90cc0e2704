import { expect, it } from 'vitest'
import { linesOf } from './logLine'
import { arrive, clear, emptyTail, pause, resume } from './tailBuffer'

const lines = (...texts: string[]) =>
  linesOf(
    [{ labels: {}, lines: texts.map((text) => ({ ns: '1', text, structured: {}, parsed: {} })) }],
    'oldest',
  )
const texts = (all: readonly { text: string }[]) => all.map(({ text }) => text).join('')

it('shows the newest, and counts all', () => {
  const tail = arrive(arrive(emptyTail, lines('a', 'b'), 0, 3), lines('c', 'd'), 0, 3)
  expect([texts(tail.lines), tail.received, tail.dropped]).toEqual(['bcd', 4, 0])
})

it('holds back while paused, drops the oldest beyond the bound, and says how many', () => {
  let tail = pause(arrive(emptyTail, lines('a'), 0, 3))
  tail = arrive(tail, lines('b', 'c'), 0, 3)
  expect([texts(tail.lines), texts(tail.held), tail.dropped]).toEqual(['a', 'bc', 0])
  tail = arrive(tail, lines('d', 'e', 'f'), 2, 3)
  expect([texts(tail.lines), texts(tail.held), tail.dropped, tail.received]).toEqual(['a', 'def', 4, 6])
  tail = resume(tail, 3)
  expect([texts(tail.lines), tail.held.length, tail.paused, tail.dropped]).toEqual(['def', 0, false, 4])
})

it('is emptied without forgetting its counts', () => {
  const tail = clear(arrive(emptyTail, lines('a', 'b'), 1))
  expect([tail.lines.length, tail.received, tail.dropped]).toEqual([0, 2, 1])
})
