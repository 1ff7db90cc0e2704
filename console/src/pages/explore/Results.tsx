import { SegmentedControl, Select, TextInput } from '@mantine/core'
import { IconDatabaseSearch } from '@tabler/icons-react'
import type { UseQueryResult } from '@tanstack/react-query'
import { useState } from 'react'
import { Message } from '@/components/Message'
import { useMessages } from '@/i18n'
import { formatDuration, parseDuration } from '@/lib/duration'
import { exactPattern } from '@/lib/matcher'
import { units } from '@/lib/units'
import type { ExploreChange, ExploreState } from './exploreSearch'
import { RawView } from './RawView'
import { ResultGraphs } from './ResultGraphs'
import styles from './Results.module.css'
import { ResultTable } from './ResultTable'
import type { RowAnswer } from './useResults'

export interface ShownRow {
  readonly index: number
  readonly answer: RowAnswer
}

interface ResultsProps {
  readonly state: ExploreState
  readonly change: (change: ExploreChange) => void
  readonly results: readonly UseQueryResult<RowAnswer>[]
}

function isEmpty({ answer }: ShownRow): boolean {
  const { result } = answer.data
  if (result.type === 'matrix') return result.series.length === 0
  return result.type === 'vector' && result.samples.length === 0
}

/** The same array as before while it holds the same answers, so that charts and tables are not computed anew. */
function useKept(rows: readonly ShownRow[]): readonly ShownRow[] {
  const [kept, setKept] = useState(rows)
  const same =
    kept.length === rows.length &&
    rows.every((row, i) => row.answer === kept[i]?.answer && row.index === kept[i].index)
  if (same) return kept
  setKept(rows)
  return rows
}

/** The answers, in the form that was asked for. */
export function Results({ state, change, results }: ResultsProps) {
  const x = useMessages('explore').explore
  const rows = useKept(
    results.flatMap(({ data, isError }, index): ShownRow[] =>
      data === undefined || isError || state.hidden.has(index) ? [] : [{ index, answer: data }],
    ),
  )
  const loading = results.some((r) => r.isLoading)
  const nothing = rows.length > 0 && rows.every(isEmpty) && !loading
  const pattern = rows.map((row) => exactPattern(row.answer.expr)).find((found) => found !== null)
  const stepMs = rows[0]?.answer.stepMs
  return (
    <section className={styles.results}>
      <header className={styles.bar}>
        <SegmentedControl
          size="xs"
          value={state.view}
          onChange={(view) => change({ view: view })}
          data={[
            { value: 'graph', label: x.graph },
            { value: 'table', label: x.table },
            { value: 'raw', label: x.raw },
          ]}
        />
        {state.view === 'graph' && (
          <>
            <SegmentedControl
              size="xs"
              aria-label={x.style}
              value={state.style}
              onChange={(style) => change({ style: style })}
              data={[
                { value: 'line', label: x.line },
                { value: 'stacked', label: x.stacked },
                { value: 'points', label: x.points },
              ]}
            />
            <Select
              size="xs"
              w={170}
              aria-label={x.unit}
              value={state.unit ?? ''}
              onChange={(unit) => change({ unit: unit === null || unit === '' ? null : unit })}
              data={[
                { value: '', label: x.unitAuto },
                ...units.map((unit) => ({ value: unit, label: x.units[unit] })),
              ]}
              allowDeselect={false}
            />
          </>
        )}
        {state.view !== 'table' && (
          <StepField
            key={state.stepText}
            value={state.stepText}
            hint={stepMs === undefined ? x.step : x.stepAuto(formatDuration(stepMs))}
            onChange={(stepText) => change({ stepText })}
          />
        )}
      </header>
      {nothing ? (
        <Message icon={<IconDatabaseSearch size={40} stroke={1.4} />} title={x.noResult}>
          {pattern === undefined ? x.noResultHint : x.patternHint(pattern)}
        </Message>
      ) : state.view === 'graph' ? (
        <ResultGraphs rows={rows} state={state} loading={loading} />
      ) : state.view === 'table' ? (
        <ResultTable rows={rows} several={state.exprs.length > 1} />
      ) : (
        <RawView rows={rows} />
      )}
    </section>
  )
}

interface StepFieldProps {
  readonly value: string
  readonly hint: string
  readonly onChange: (text: string) => void
}

function StepField({ value, hint, onChange }: StepFieldProps) {
  const x = useMessages('explore').explore
  const [text, setText] = useState(value)
  const valid = text === '' || (parseDuration(text) ?? 0) > 0
  const commit = () => valid && text !== value && onChange(text)
  return (
    <TextInput
      size="xs"
      w={150}
      aria-label={x.step}
      placeholder={hint}
      value={text}
      error={valid ? null : x.stepInvalid}
      onChange={(event) => setText(event.currentTarget.value.trim())}
      onBlur={commit}
      onKeyDown={(event) => event.key === 'Enter' && commit()}
    />
  )
}
