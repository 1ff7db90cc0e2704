import { useMemo } from 'react'
import { epochMs, ms, type Milliseconds } from '@/lib/brand'
import { resolveRange } from '@/lib/time'
import { useTimeState } from '@/state/timeSearch'

/** How long the range of the screen is. */
export function useRangeSpan(): Milliseconds {
  const { range, zone } = useTimeState()
  return useMemo(() => {
    const { from, to } = resolveRange(range, epochMs(Date.now()), zone)
    return ms(to - from)
  }, [range, zone])
}
