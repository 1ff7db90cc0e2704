import { epochMs } from '@/lib/brand'
import { resolveRange, shiftRange, zoomOut } from '@/lib/time'
import { useTimeState } from './timeSearch'

/** Moves the global range by half of itself, or widens it. */
export function useTimeShift() {
  const { range, zone, setRange } = useTimeState()
  const now = () => epochMs(Date.now())
  return {
    back: () => setRange(shiftRange(resolveRange(range, now(), zone), -0.5)),
    forward: () => setRange(shiftRange(resolveRange(range, now(), zone), 0.5)),
    zoomOut: () => setRange(zoomOut(resolveRange(range, now(), zone), now())),
  }
}
