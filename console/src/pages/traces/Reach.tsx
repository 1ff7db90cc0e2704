import { Button } from '@mantine/core'
import { useMessages } from '@/i18n'
import { dateTimeText } from '@/lib/clockText'
import { absoluteRange } from '@/lib/time'
import { narrowed } from '@/lib/traceql/filter'
import { formatCount, formatSeconds } from '@/lib/units'
import { useTimeState } from '@/state/timeSearch'
import styles from './ScatterPanel.module.css'
import type { Traces } from './useTraces'

/** Less of a range than this is worth a word: a point of the axis is not much more. */
const seenMin = 0.9

interface ReachProps {
  readonly data: Traces
  readonly query: string
  /** What the slowest of those shown take at least, as a query writes it; null where nothing is shown. */
  readonly slow: string | null
  readonly onQuery: (query: string) => void
}

/** The newest are found first: where they fill only the end of the range it says so, and what shows the rest. */
export function Reach({ data, query, slow, onQuery }: ReachProps) {
  const t = useMessages('traces').traces
  const { zone, setRange } = useTimeState()
  const { traces, from, to, limit } = data
  const oldest = traces.reduce((least, { startMs }) => Math.min(least, startMs), to)
  const all = traces.length < limit
  if (all || traces.length === 0 || to - oldest >= (to - from) * seenMin) return null
  const { reach } = t
  return (
    <p className={styles.reach} role="note">
      <span>
        {reach.only(
          formatCount(traces.length),
          formatSeconds((to - oldest) / 1000, 2),
          dateTimeText(oldest, zone),
        )}
      </span>
      <Button
        variant="subtle"
        size="compact-xs"
        onClick={() => setRange(absoluteRange(from, Math.max(oldest, from + 1000)))}
      >
        {reach.before}
      </Button>
      <Button
        variant="subtle"
        size="compact-xs"
        onClick={() => onQuery(narrowed(query, [{ field: 'status', op: '=', value: 'error' }]))}
      >
        {reach.failed}
      </Button>
      {slow !== null && (
        <Button
          variant="subtle"
          size="compact-xs"
          onClick={() => onQuery(narrowed(query, [{ field: 'duration', op: '>=', value: slow }]))}
        >
          {reach.slow(slow)}
        </Button>
      )}
    </p>
  )
}
