import type { EventConditions } from '@/api/events'
import { many, one, oneOf } from '@/lib/search'

/** What events are told apart by, and what the API calls it. `host` is taken: it is the host of This machine. */
export const eventFacets = [
  ['kind', 'kind'],
  ['service', 'service'],
  ['on', 'host'],
  ['environment', 'environment'],
  ['source', 'source'],
  ['result', 'result'],
] as const
export type EventFacet = (typeof eventFacets)[number][0]

export const eventSeverities = ['debug', 'info', 'warn', 'error', 'fatal'] as const

/** What the address says of the list of events. */
export interface EventsSearch {
  readonly kind?: string[] | undefined
  readonly service?: string[] | undefined
  readonly on?: string[] | undefined
  readonly environment?: string[] | undefined
  readonly source?: string[] | undefined
  readonly result?: string[] | undefined
  /** Attributes with their values, `name:value`. */
  readonly attr?: string[] | undefined
  readonly severity?: (typeof eventSeverities)[number] | undefined
  readonly text?: string | undefined
  readonly by?: 'service' | undefined
  /** The event that is open. */
  readonly event?: string | undefined
}

const several = (value: unknown): string[] | undefined => {
  const all = [...new Set(many(value).filter((text) => text !== ''))]
  return all.length === 0 ? undefined : all
}

export function validateEventsSearch(search: Record<string, unknown>): EventsSearch {
  const text = one(search.text)
  const event = one(search.event)
  const attr = several(search.attr)?.filter((pair) => pair.includes(':'))
  return {
    kind: several(search.kind),
    service: several(search.service),
    on: several(search.on),
    environment: several(search.environment),
    source: several(search.source),
    result: several(search.result),
    attr: attr?.length === 0 ? undefined : attr,
    severity: oneOf(search.severity, eventSeverities),
    text: text === '' ? undefined : text,
    by: oneOf(search.by, ['service'] as const),
    event: event !== undefined && /^\d{1,20}-[0-9a-z]{1,8}$/.test(event) ? event : undefined,
  }
}

/** The conditions of an address in the words of the API. */
export function conditionsOf(search: EventsSearch, without?: EventFacet): EventConditions {
  const out: Record<string, readonly string[]> = {}
  for (const [name, asked] of eventFacets) {
    const values = search[name]
    if (values !== undefined && name !== without) out[asked] = values
  }
  if (search.attr !== undefined) out.attribute = search.attr
  if (search.severity !== undefined) out.severity = [search.severity]
  if (search.text !== undefined) out.text = [search.text]
  return out
}
