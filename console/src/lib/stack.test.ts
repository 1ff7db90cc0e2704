import { expect, test } from 'vitest'
import type { StackFrame } from '@/api/errorEvent'
import { frameRuns, lineOf } from './stack'

const frame = (name: string, inApp: boolean): StackFrame => ({
  function: name,
  module: '',
  file: `${name}.py`,
  path: '',
  line: 3,
  column: 0,
  inApp,
  before: [],
  source: '',
  after: [],
  vars: null,
})

const shape = (frames: readonly StackFrame[], newestFirst: boolean) =>
  frameRuns(frames, newestFirst).map((run) =>
    run.kind === 'own' ? run.frame.function : run.frames.map((each) => each.function),
  )

test('calls of libraries fold into runs', () => {
  const frames = [frame('a', false), frame('b', false), frame('c', true), frame('d', false), frame('e', true)]
  expect(shape(frames, false)).toEqual([['a', 'b'], 'c', ['d'], 'e'])
  expect(shape(frames, true)).toEqual(['e', ['d'], 'c', ['b', 'a']])
})

test('the call that failed is shown, and all where none is the application’s', () => {
  expect(shape([frame('a', true), frame('b', false), frame('c', false)], true)).toEqual(['c', ['b'], 'a'])
  expect(shape([frame('a', false), frame('b', false)], true)).toEqual(['b', 'a'])
  expect(shape([], true)).toEqual([])
})

test('a line is written with its column where that is known', () => {
  expect(lineOf(frame('a', true))).toBe(':3')
  expect(lineOf({ ...frame('a', true), column: 9 })).toBe(':3:9')
  expect(lineOf({ ...frame('a', true), line: 0 })).toBe('')
})
