import { useCallback, useEffect, useRef } from 'react'
import { epochMs } from '@/lib/brand'
import { resolveRange, type ResolvedRange } from '@/lib/time'
import { useTimeState } from './timeSearch'

/** The range in view as it is at the moment of asking; the function stays the same. */
export function useRangeNow(): () => ResolvedRange {
  const { range, zone } = useTimeState()
  const latest = useRef({ range, zone })
  useEffect(() => {
    latest.current = { range, zone }
  })
  return useCallback(() => resolveRange(latest.current.range, epochMs(Date.now()), latest.current.zone), [])
}
