import { useQuery } from '@tanstack/react-query'
import { correlate, type Correlation, type SignalName } from '@/api/entities'
import { ApiError } from '@/api/http'
import type { Labels } from '@/api/types'
import { telling, waysTo, type SignalWay } from '@/lib/related'

/** A point of any signal: whose labels it has, and when. */
export interface RelatedPoint {
  /** Labels, attributes of a resource, tags: whatever may name a service, a host, a pod. */
  readonly labels: Labels
  /** Milliseconds since the epoch. */
  readonly time: number
  /** The trace it belongs to, where that is known. */
  readonly traceId?: string
}

const signalNames: readonly SignalName[] = ['logs', 'traces', 'metrics', 'errors', 'events']

/** How far around a moment its other signals are looked for. */
const windowMs = 5 * 60_000

/** Others of the same labels that are asked for, where the most particular says nothing. */
const othersMax = 2

export interface EntityWay extends SignalWay {
  /** Whose signal it is, where it is not that of the most particular entity. */
  readonly of: string | null
}

/**
 * The ways to all signals. An instance may have logs and no metrics, which are told of its service: a signal in which the
 * most particular entity was not seen is that of the next that was.
 */
async function withOthers(
  found: Correlation,
  range: { readonly from: number; readonly to: number },
  signal: AbortSignal,
): Promise<readonly EntityWay[]> {
  let ways: readonly EntityWay[] = waysTo(found.signals, range).map((way) => ({ ...way, of: null }))
  const others = found.entities
    .filter(({ type, id, known }) => known && (type !== found.entity.type || id !== found.entity.id))
    .slice(0, othersMax)
  for (const { type, id } of others) {
    if (signalNames.every((name) => ways.some((way) => way.signal === name && way.count > 0))) break
    const more = await correlate({ type, id }, range, signal)
    ways = signalNames.flatMap((name) => {
      const own = ways.find((way) => way.signal === name)
      const other = waysTo(more.signals, range).find((way) => way.signal === name)
      if (own !== undefined && (own.count > 0 || other === undefined || other.count === 0)) return [own]
      return other === undefined ? [] : [{ ...other, of: more.entity.name }]
    })
  }
  return ways
}

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
        const found = await correlate({ labels }, range, signal)
        return { range, found, ways: await withOthers(found, range, signal) }
      } catch (cause) {
        // Labels that name nothing are no failure.
        if (cause instanceof ApiError && cause.kind === 'missing') return { range, found: null, ways: [] }
        throw cause
      }
    },
  })
}
