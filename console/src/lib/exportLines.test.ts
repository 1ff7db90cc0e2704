import { expect, it } from 'vitest'
import { exported, isoNanos, toCsv } from './exportLines'
import { linesOf } from './logLine'

const lines = linesOf(
  [
    {
      labels: { app: 'shop' },
      lines: [
        {
          ns: '1700000000123456789',
          text: 'say "hi", twice\nthen go',
          structured: { user: '7' },
          parsed: {},
        },
        { ns: '1700000000000000000', text: '=cmd()', structured: {}, parsed: { level: 'warn' } },
      ],
    },
  ],
  'newest',
)

it('writes times with all their digits', () => {
  expect(isoNanos('1700000000123456789')).toBe('2023-11-14T22:13:20.123456789Z')
  expect(isoNanos('5')).toBe('1970-01-01T00:00:00.000000005Z')
})

it('writes a table with all fields, quoted where need be, and no formulas', () => {
  expect(toCsv(lines, [])).toBe(
    'time,level,app,user,level,line\r\n' +
      '2023-11-14T22:13:20.123456789Z,unknown,shop,7,,"say ""hi"", twice\nthen go"\r\n' +
      "2023-11-14T22:13:20.000000000Z,warn,shop,,warn,'=cmd()\r\n",
  )
  expect(toCsv(lines, ['user']).split('\r\n')[0]).toBe('time,level,user,line')
})

it('writes documents that can be read back', () => {
  const documents = exported('ndjson', lines, [])
    .trim()
    .split('\n')
    .map((text): unknown => JSON.parse(text))
  expect(documents).toEqual([
    {
      time: '2023-11-14T22:13:20.123456789Z',
      level: 'unknown',
      line: 'say "hi", twice\nthen go',
      stream: { app: 'shop' },
      attributes: { user: '7' },
    },
    {
      time: '2023-11-14T22:13:20.000000000Z',
      level: 'warn',
      line: '=cmd()',
      stream: { app: 'shop' },
      parsed: { level: 'warn' },
    },
  ])
})
