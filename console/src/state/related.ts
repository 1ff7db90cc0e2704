import { useQuery } from '@tanstack/react-query'
import { correlate } from '@/api/entities'
import { ApiError } from '@/api/http'
import type { Labels } from '@/api/types'
import { telling } from '@/lib/related'

/** A point of any signal: whose labels it has, and when. */
export interface RelatedPoint {
  /** Labels, attributes of a resource, tags: whatever may name a service, a host, a pod. */
  readonly labels: Labels
  /** Milliseconds since the epoch. */
  readonly time: number
  /** The trace it belongs to, where that is known. */
  readonly traceId?: string
}

/** How far around a moment its other signals are looked for. */
const windowMs = 5 * 60_000

/** Asks once for the other signals of a point's entity at its moment. */
export function useRelated(point: RelatedPoint, enabled: boolean) {
  const labels = telling(point.labels)
  const range = {
    from: Math.floor(point.time - windowMs),
    to: Math.ceil(Math.max(Math.min(point.time + windowMs, Date.now()), point.time + 1000)),
  }
  return useQuery({
    queryKey: ['related', JSON.stringify(labels), range.from],
    enabled: enabled && Object.keys(labels).length > 0,
    retry: false,
    queryFn: async ({ signal }) => {
      try {
        return { range, found: await correlate({ labels }, range, signal) }
      } catch (cause) {
        // Labels that name nothing are no failure.
        if (cause instanceof ApiError && cause.kind === 'missing') return { range, found: null }
        throw cause
      }
    },
  })
}
