import { ActionIcon, Button, Skeleton, TextInput, Tooltip } from '@mantine/core'
import { IconArrowsDiff, IconFilter, IconFilterOff } from '@tabler/icons-react'
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { getRouteApi, Link } from '@tanstack/react-router'
import { useMemo, useState } from 'react'
import { compareSpans } from '@/api/traceNumbers'
import { Message } from '@/components/Message'
import { QueryError } from '@/components/QueryError'
import { useMessages } from '@/i18n'
import { epochMs } from '@/lib/brand'
import { mistakeIn } from '@/lib/serverError'
import { encodeTimePoint, resolveRange } from '@/lib/time'
import { setApart, type Apart, type ApartAttribute, type ApartValue } from '@/lib/trace/apart'
import { conditionsOf, filterOf, narrowed } from '@/lib/traceql/filter'
import { withStage } from '@/lib/traceql/tokens'
import { formatCount, formatValue } from '@/lib/units'
import { liveKey } from '@/state/live'
import { useTimeState } from '@/state/timeSearch'
import styles from './ComparePage.module.css'

const route = getRouteApi('/traces/compare')

interface GroupsProps {
  readonly query: string
  /** A filter for the spans that are compared with the rest. */
  readonly selection: string
}

/** Which attributes set some spans of a query apart from the others. */
export function Groups({ query, selection }: GroupsProps) {
  const t = useMessages('traceCompare').traceCompare
  const { range, zone } = useTimeState()
  const navigate = route.useNavigate()
  const [base, setBase] = useState(query)
  const [part, setPart] = useState(selection)
  const rangeKey = `${encodeTimePoint(range.from)}..${encodeTimePoint(range.to)}@${zone}`
  const asked = useQuery({
    queryKey: [liveKey, 'traces', 'apart', query, selection, rangeKey],
    retry: false,
    placeholderData: keepPreviousData,
    queryFn: ({ signal }) =>
      compareSpans(query, selection, resolveRange(range, epochMs(Date.now()), zone), signal),
  })
  const apart = useMemo(() => (asked.data === undefined ? null : setApart(asked.data)), [asked.data])
  const run = () =>
    void navigate({ search: (old) => ({ ...old, q: base.trim() || '{ }', sel: part.trim() }) })
  const composed = withStage(query, `compare(${selection}, 10)`)
  return (
    <>
      <form
        className={styles.form}
        onSubmit={(event) => {
          event.preventDefault()
          run()
        }}
      >
        <TextInput
          size="xs"
          className={styles.query}
          data-main-input
          label={t.base}
          value={base}
          onChange={(event) => setBase(event.currentTarget.value)}
        />
        <TextInput
          size="xs"
          className={styles.query}
          label={t.selection}
          value={part}
          onChange={(event) => setPart(event.currentTarget.value)}
        />
        <Button type="submit" loading={asked.isFetching && asked.isPlaceholderData}>
          {t.run}
        </Button>
      </form>
      {asked.error !== null ? (
        <QueryError
          message={asked.error.message}
          text={composed}
          mistake={mistakeIn(asked.error, composed)}
        />
      ) : apart === null ? (
        <Skeleton height={320} radius="sm" />
      ) : (
        <Result apart={apart} query={query} selection={selection} />
      )}
    </>
  )
}

interface ResultProps extends GroupsProps {
  readonly apart: Apart
}

function Result({ apart, query, selection }: ResultProps) {
  const t = useMessages('traceCompare').traceCompare
  const [all, setAll] = useState(false)
  if (apart.selection === 0 || apart.baseline === 0) {
    return (
      <Message
        icon={<IconArrowsDiff size={40} stroke={1.4} />}
        title={apart.selection === 0 ? t.noSelection : t.noBaseline}
      >
        <p>{t.oneGroup}</p>
      </Message>
    )
  }
  const telling = apart.attributes.filter(({ score }) => score >= tellingScore)
  const shown = all ? apart.attributes : telling
  return (
    <>
      <p className={styles.summary} role="status">
        {t.sizes(formatCount(apart.selection), formatCount(apart.selection + apart.baseline))}
        <span className={styles.key}>
          <i data-selection /> {t.inSelection}
        </span>
        <span className={styles.key}>
          <i data-baseline /> {t.inBaseline}
        </span>
      </p>
      {shown.length === 0 && <p className={styles.note}>{t.nothingApart}</p>}
      <ol className={styles.attributes} aria-label={t.attributes}>
        {shown.map((attribute) => (
          <Attribute key={attribute.field} attribute={attribute} query={query} selection={selection} />
        ))}
      </ol>
      {telling.length < apart.attributes.length && (
        <Button variant="subtle" onClick={() => setAll(!all)}>
          {all ? t.onlyTelling : t.showAll(apart.attributes.length - telling.length)}
        </Button>
      )}
    </>
  )
}

/** Attributes that differ less say nothing. */
const tellingScore = 0.05
/** Values of an attribute that are shown. */
const valuesMax = 6

interface AttributeProps extends GroupsProps {
  readonly attribute: ApartAttribute
}

function Attribute({ attribute, query, selection }: AttributeProps) {
  const t = useMessages('traceCompare').traceCompare
  const { field, score, values, distinct } = attribute
  return (
    <li className={styles.attribute} aria-label={field}>
      <header>
        <code>{field}</code>
        <span className={styles.score} title={t.scoreHelp}>
          <i style={{ width: `${score * 100}%` }} />
        </span>
        <b>{formatValue(score, 'ratio', 2)}</b>
      </header>
      {distinct !== null && <p className={styles.note}>{t.tooMany(formatCount(distinct))}</p>}
      <ul>
        {values.slice(0, valuesMax).map((value) => (
          <Value key={value.value} field={field} value={value} query={query} selection={selection} />
        ))}
      </ul>
      {values.length > valuesMax && <p className={styles.note}>{t.moreValues(values.length - valuesMax)}</p>}
    </li>
  )
}

interface ValueProps extends GroupsProps {
  readonly field: string
  readonly value: ApartValue
}

function Value({ field, value, query, selection }: ValueProps) {
  const t = useMessages('traceCompare').traceCompare
  const percent = (share: number) => formatValue(share, 'ratio', 2)
  const { literal } = value
  const condition = (op: string) => ({ field, op, value: literal ?? '' })
  const chosen = conditionsOf(selection)
  const both = narrowed(query, [...(chosen ?? []), condition('=')])
  const text = value.value === '' ? '""' : value.value
  return (
    <li>
      <code className="clip" title={value.value}>
        {text}
      </code>
      <span className={styles.bars}>
        <i data-selection style={{ width: `${value.selection * 100}%` }} />
        <i data-baseline style={{ width: `${value.baseline * 100}%` }} />
      </span>
      <span
        className={styles.shares}
        aria-label={t.shares(percent(value.selection), percent(value.baseline))}
      >
        <b>{percent(value.selection)}</b> {percent(value.baseline)}
      </span>
      {literal !== null && (
        <span className={styles.tools}>
          <Tooltip label={t.tracesWith(field, text)}>
            <ActionIcon
              size="xs"
              aria-label={t.tracesWith(field, text)}
              renderRoot={(props) => <Link {...props} to="/traces" search={{ q: both, show: 'spans' }} />}
            >
              <IconFilter size={13} />
            </ActionIcon>
          </Tooltip>
          <Tooltip label={t.without(field, text)}>
            <ActionIcon
              size="xs"
              aria-label={t.without(field, text)}
              renderRoot={(props) => (
                <Link
                  {...props}
                  to="/traces/compare"
                  search={{ q: without(query, condition('!=')), sel: selection }}
                />
              )}
            >
              <IconFilterOff size={13} />
            </ActionIcon>
          </Tooltip>
        </span>
      )}
    </li>
  )
}

/** Further values may be left out beside the first: conditions on one field stand together. */
function without(query: string, condition: Parameters<typeof filterOf>[0][number]): string {
  const conditions = conditionsOf(query)
  return conditions === null ? narrowed(query, [condition]) : filterOf([...conditions, condition])
}
