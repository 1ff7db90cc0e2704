import { queryOptions } from '@tanstack/react-query'
import { traceById, type TraceDocument } from '@/api/traceDocument'
import { msOf } from '@/lib/nanos'

/** A trace that ended this long ago still grows: spans come late. */
const growsMs = 60_000
/** Larger ones are not asked for again and again. */
const smallSpans = 2000
const againMs = 3000

export const traceOptions = (id: string) =>
  queryOptions({
    queryKey: ['trace', id],
    queryFn: ({ signal }) => traceById(id, signal),
    staleTime: growsMs,
    structuralSharing: (old, fresh) => sameTrace(old as TraceDocument | undefined, fresh as TraceDocument),
    refetchInterval: ({ state: { data } }) => {
      if (data === undefined || data.spans.length > smallSpans) return false
      return Date.now() - (msOf(data.start) + data.duration / 1e6) < growsMs ? againMs : false
    },
  })

/** The same value as before unless spans came: nothing is laid out anew. */
function sameTrace(old: TraceDocument | undefined, fresh: TraceDocument): TraceDocument {
  return old?.spans.length === fresh.spans.length && old.duration === fresh.duration ? old : fresh
}
