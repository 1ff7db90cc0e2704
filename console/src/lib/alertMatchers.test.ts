import { describe, expect, it } from 'vitest'
import { equality, matchersText, matcherTest, parseMatchers, toggleMatcher } from './alertMatchers'

const read = (text: string) => {
  const parsed = parseMatchers(text)
  return 'matchers' in parsed ? matchersText(parsed.matchers) : `!${parsed.mistake}`
}

describe('parseMatchers', () => {
  it.each([
    ['', ''],
    ['{}', ''],
    ['a=b', 'a="b"'],
    ['a="b"', 'a="b"'],
    [' a = b c , d =~ "e.*" ', 'a="b c", d=~"e.*"'],
    ['{a!="b",c!~"d\\\\.e",}', 'a!="b", c!~"d\\\\.e"'],
    ['{"grüße an"="wörld 🙂"}', '"grüße an"="wörld 🙂"'],
    ['a=~\\d+', 'a=~"\\\\d+"'],
    ['a=', 'a=""'],
    ['a="x\\ny\\"z"', 'a="x\\ny\\"z"'],
    ['a', '!operator'],
    ['=b', '!name'],
    ['a="b', '!quote'],
    ['{a=b', '!brace'],
    ['a="b"c', '!rest'],
    ['a=b"c"', '!quote'],
  ])('%s', (text, expected) => expect(read(text)).toBe(expected))
})

describe('matcherTest', () => {
  const holds = (text: string, labels: Record<string, string>) => {
    const parsed = parseMatchers(text)
    return 'matchers' in parsed && matcherTest(parsed.matchers)(labels)
  }
  it.each([
    ['a=b', { a: 'b' }, true],
    ['a=', {}, true],
    ['a!=b', {}, true],
    ['a=~"b|c"', { a: 'c' }, true],
    ['a=~"b"', { a: 'bb' }, false],
    ['a!~".+"', {}, true],
    ['a=b,c=d', { a: 'b' }, false],
    ['a=~"("', { a: '(' }, false],
  ])('%s of %j', (text, labels, expected) => expect(holds(text, labels)).toBe(expected))
})

it('a condition is added, turned round, and taken away', () => {
  const wanted = equality('job', 'api')
  const once = toggleMatcher('severity=page', wanted)
  expect(once).toBe('severity="page", job="api"')
  const turned = toggleMatcher(once, { ...wanted, isEqual: false })
  expect(turned).toBe('severity="page", job!="api"')
  expect(toggleMatcher(turned, { ...wanted, isEqual: false })).toBe('severity="page"')
  expect(toggleMatcher('some words', wanted)).toBe('job="api"')
})
