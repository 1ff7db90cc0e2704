import type { ServerEvent } from '@/api/events'
import { stringifySearch } from '@/lib/search'
import type { EventsSearch } from '@/state/eventsSearch'

interface Held {
  readonly from: number
  readonly to: number
}

/** A link to what is in view: its range is held, as relative to another moment it would be another. */
export function linkTo(search: EventsSearch, { from, to }: Held, event?: ServerEvent): string {
  const held =
    event === undefined
      ? { from, to }
      : { from: Math.min(from, event.time - 1), to: Math.max(to, (event.end ?? event.time) + 1) }
  const params = {
    ...search,
    event: event?.key ?? search.event,
    from: String(Math.floor(held.from)),
    to: String(Math.ceil(held.to)),
  }
  return `${window.location.origin}/events${stringifySearch(params)}`
}
