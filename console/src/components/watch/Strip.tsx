import { memo } from 'react'
import { formatUptime } from '@/lib/ago'
import { dateTimeText } from '@/lib/clockText'
import type { Cell } from '@/lib/strip'
import { useMessages } from '@/i18n'
import { useTimeState } from '@/state/timeSearch'
import styles from './kit.module.css'
import type { Tone } from './kit'

interface StripProps<State extends string> {
  readonly label: string
  readonly from: number
  readonly to: number
  readonly cells: readonly Cell<State>[]
  readonly tone: (state: State) => Tone
  readonly text: (state: State) => string
}

/** Narrower stretches would not be seen. */
const leastPercent = 0.35

function DrawnStrip<State extends string>({ label, from, to, cells, tone, text }: StripProps<State>) {
  const t = useMessages()
  const { zone } = useTimeState()
  const place = (at: number) => ((at - from) / Math.max(to - from, 1)) * 100
  // What is ill is drawn last, so that what is well beside it does not cover it.
  const drawn = [...cells].sort((a, b) => Number(tone(a.state) !== 'good') - Number(tone(b.state) !== 'good'))
  return (
    <svg
      className={styles.strip}
      viewBox="0 0 100 10"
      preserveAspectRatio="none"
      role="img"
      aria-label={label}
    >
      {drawn.map((cell) => (
        <rect
          key={cell.from}
          x={place(cell.from)}
          width={Math.max(place(cell.until) - place(cell.from), leastPercent)}
          height={10}
          data-tone={tone(cell.state)}
        >
          <title>{`${text(cell.state)}: ${dateTimeText(cell.from, zone)} – ${dateTimeText(cell.until, zone)} (${formatUptime((cell.until - cell.from) / 1000, t.locale)})`}</title>
        </rect>
      ))}
    </svg>
  )
}

/** How something was over the range, in the space of a word. */
export const Strip = memo(DrawnStrip) as typeof DrawnStrip
