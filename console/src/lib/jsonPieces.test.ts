import { expect, it } from 'vitest'
import { jsonPieces } from './jsonPieces'

it('tells keys, texts, numbers and words apart, and loses nothing', () => {
  const text = JSON.stringify({ a: 'x: "1"', n: -1.5e3, list: [true, null] }, null, 2)
  const pieces = jsonPieces(text)
  expect(pieces.map((piece) => piece.text).join('')).toBe(text)
  expect(pieces.filter(({ kind }) => kind !== 'plain').map((piece) => `${piece.kind} ${piece.text}`)).toEqual(
    ['key "a"', 'string "x: \\"1\\""', 'key "n"', 'number -1500', 'key "list"', 'word true', 'word null'],
  )
})

it('takes a text that was cut', () => {
  const cut = '{\n  "a": "unfinis…'
  expect(
    jsonPieces(cut)
      .map((piece) => piece.text)
      .join(''),
  ).toBe(cut)
})
