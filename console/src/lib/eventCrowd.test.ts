import { describe, expect, it } from 'vitest'
import { countKinds, crowds, marksPerKind } from './eventCrowd'

const many = (kind: string, count: number) => Array.from({ length: count }, () => ({ kind }))

describe('kinds of events that come too often to be marked', () => {
  it('are those with more than the bound', () => {
    const counts = countKinds([
      ...many('deploy', 2),
      ...many('order', marksPerKind + 1),
      ...many('cron', marksPerKind),
    ])
    expect(crowds(counts)).toEqual({ frequent: [['order', marksPerKind + 1]], rare: ['cron', 'deploy'] })
  })

  it('are none where nothing happened', () => {
    expect(crowds(countKinds([]))).toEqual({ frequent: [], rare: [] })
  })

  it('leave out the rest that the server does not name', () => {
    expect(crowds({ deploy: 1, '(other)': 3 }).rare).toEqual(['deploy'])
  })
})
