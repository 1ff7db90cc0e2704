import { ActionIcon, Skeleton } from '@mantine/core'
import { IconMinus, IconPlus } from '@tabler/icons-react'
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { useMemo } from 'react'
import { logVector } from '@/api/logs'
import { ShareBar } from '@/components/ShareBar'
import { useMessages } from '@/i18n'
import { epochMs, ms } from '@/lib/brand'
import { formatDuration } from '@/lib/duration'
import { topValuesQuery, totalQuery } from '@/lib/logHistogram'
import { topValues, type LogLine, type ValueCount } from '@/lib/logLine'
import { standing, type Field } from '@/lib/logql/edit'
import { encodeTimePoint, resolveRange } from '@/lib/time'
import { formatCount, formatValue } from '@/lib/units'
import { useTimeState } from '@/state/timeSearch'
import styles from './FieldSidebar.module.css'
import type { KnownField } from './useFields'

interface FieldValuesProps {
  readonly field: KnownField
  readonly query: string
  readonly lines: readonly LogLine[]
  readonly onFilter: (field: Field, op: '=' | '!=') => void
}

const shownMax = 10
/** Of the thousand newest records so many different values: counting them all is much work that tells nothing. */
const tellingMax = 500

interface Top {
  readonly values: readonly ValueCount[]
  /** Lines of the range that have any of the values counted, or none. */
  readonly total: number
}

/**
 * The most frequent values, counted over the whole range. Where the server refuses, because there are too many, those
 * of the loaded lines, and it says so.
 */
export function FieldValues({ field, query, lines, onFilter }: FieldValuesProps) {
  const l = useMessages('logs').logs
  const { range, zone } = useTimeState()
  const rangeKey = `${encodeTimePoint(range.from)}..${encodeTimePoint(range.to)}@${zone}`
  const { name, origin } = field
  const among = useMemo(() => topValues(lines, name, shownMax), [lines, name])
  const unique = Math.max(field.distinct ?? 0, origin === 'stream' ? 0 : among.distinct) >= tellingMax
  const asked = useQuery({
    enabled: !unique,
    queryKey: ['logs', 'top', query, name, rangeKey],
    staleTime: 15_000,
    retry: false,
    placeholderData: keepPreviousData,
    queryFn: async ({ signal }): Promise<Top> => {
      const { from, to } = resolveRange(range, epochMs(Date.now()), zone)
      const span = formatDuration(ms(to - from))
      // One more, as lines without the field count as a value of their own.
      const top = topValuesQuery(query, name, span, shownMax + 1) ?? ''
      const [found, sum] = await Promise.all([
        logVector(top, to, signal),
        logVector(totalQuery(query, span) ?? '', to, signal),
      ])
      const values = found.flatMap(({ metric, value }) =>
        metric[name] === undefined ? [] : [{ value: metric[name], count: value ?? 0 }],
      )
      return { values: values.slice(0, shownMax), total: sum[0]?.value ?? 0 }
    },
  })
  if (asked.isLoading) return <Skeleton height={90} radius="sm" />
  const refused = unique || asked.error !== null
  const values = refused ? among.top : (asked.data?.values ?? [])
  const total = Math.max(refused ? lines.length : (asked.data?.total ?? 0), 1)
  return (
    <div className={styles.values}>
      {refused && <p className={styles.note}>{l.sidebar.tooMany}</p>}
      <p className={styles.note}>
        {values.length === 0
          ? l.sidebar.noValues
          : refused
            ? l.sidebar.topLoaded(formatCount(lines.length))
            : l.sidebar.top}
      </p>
      <ul>
        {values.map(({ value, count }) => {
          const now = standing(query, { name, value, origin })
          const percent = formatValue(count / total, 'ratio', 3)
          return (
            <li key={value} className={styles.value}>
              <div>
                <span className="clip" title={value}>
                  {value === '' ? '""' : value}
                </span>
                <b title={l.sidebar.share(percent)}>
                  {formatValue(count, 'short', 4)} · {percent}
                </b>
                <ActionIcon
                  size="xs"
                  aria-label={l.filterFor(name, value)}
                  aria-pressed={now === '='}
                  onClick={() => onFilter({ name, value, origin }, '=')}
                >
                  <IconPlus size={13} />
                </ActionIcon>
                <ActionIcon
                  size="xs"
                  aria-label={l.filterOut(name, value)}
                  aria-pressed={now === '!='}
                  onClick={() => onFilter({ name, value, origin }, '!=')}
                >
                  <IconMinus size={13} />
                </ActionIcon>
              </div>
              <ShareBar share={count / total} label={l.sidebar.share(percent)} thin />
            </li>
          )
        })}
      </ul>
    </div>
  )
}
