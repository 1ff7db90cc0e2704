import { expect, it } from 'vitest'
import { stateSpans } from './alertSpans'

it('series of ALERTS become spans, with their gaps', () => {
  const frame = {
    times: [0, 10, 20, 30, 60, 70],
    series: [
      { key: 'f', labels: { alertstate: 'firing' }, values: [null, null, 1, 1, 1, null] },
      { key: 'p', labels: { alertstate: 'pending' }, values: [1, 1, null, null, null, 1] },
    ],
  }
  expect(stateSpans(frame, 10)).toEqual([
    { state: 'pending', from: 0, until: 20 },
    { state: 'firing', from: 20, until: 40 },
    { state: 'firing', from: 60, until: 70 },
    { state: 'pending', from: 70, until: 80 },
  ])
})
