import { epochMs } from '@/lib/brand'
import { resolveRange, type ResolvedRange } from '@/lib/time'
import { useTimeState } from '@/state/timeSearch'

/** The range in view as it is at the moment of asking. */
export function useRangeNow(): () => ResolvedRange {
  const { range, zone } = useTimeState()
  return () => resolveRange(range, epochMs(Date.now()), zone)
}
