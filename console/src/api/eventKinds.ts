import { dictionary, fields, number, type Decoder } from './decode'
import { request } from './http'
import type { Answer } from './types'

/** How many events there are of each kind; of kinds beyond 50 the rest is `(other)`. */
export type EventKinds = Readonly<Record<string, number>>

const kinds: Decoder<EventKinds> = (value, path) => {
  const facets = fields(fields(value, path).facets, `${path}.facets`)
  return dictionary(number)(facets.kind ?? {}, `${path}.facets.kind`)
}

/** Counts all events of a range, in Unix milliseconds. */
export function fetchEventKinds(from: number, to: number, signal?: AbortSignal): Promise<Answer<EventKinds>> {
  const ns = (ms: number) => `${Math.floor(ms)}000000`
  return request('/api/v1/events', { start: ns(from), end: ns(to), limit: 1, buckets: 1 }, kinds, signal)
}
