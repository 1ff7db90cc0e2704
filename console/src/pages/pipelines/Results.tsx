import { Button, Loader } from '@mantine/core'
import { IconArrowsMaximize, IconArrowsMinimize, IconTestPipe } from '@tabler/icons-react'
import { useState } from 'react'
import { Message } from '@/components/Message'
import { useMessages } from '@/i18n'
import { Derived } from './Derived'
import { TrialLine } from './TrialLine'
import styles from './Results.module.css'
import { summarised } from './outcome'
import type { TrialState } from './useTrial'

interface ResultsProps {
  readonly state: TrialState
  /** There are lines to try the pipeline on. */
  readonly sampled: boolean
}

/** What became of each line, and what was counted of all of them. */
export function Results({ state, sampled }: ResultsProps) {
  const p = useMessages('pipelines').pipelines
  const { trial, error, running } = state
  // Which lines are the other way round than they begin: the first one is open.
  const [flipped, setFlipped] = useState<ReadonlySet<number>>(new Set())
  const lines = trial?.lines ?? []
  const isOpen = (index: number) => (index === 0) !== flipped.has(index)
  const allOpen = lines.length > 0 && lines.every((_, index) => isOpen(index))
  const flip = (index: number) =>
    setFlipped((old) => {
      const next = new Set(old)
      if (!next.delete(index)) next.add(index)
      return next
    })
  const setAll = (open: boolean) =>
    setFlipped(new Set(lines.flatMap((_, index) => ((index === 0) === open ? [] : [index]))))
  const nothing = trial === null || lines.length === 0
  return (
    <section className={styles.panel} aria-label={p.results} aria-busy={running}>
      <header>
        <h2>{p.results}</h2>
        {running && <Loader size={13} aria-label={p.running} />}
        <span role="status" className={styles.summary}>
          {summarised(lines).map(([outcome, count]) => (
            <span key={outcome} data-outcome={outcome}>
              {p.summary[outcome](count)}
            </span>
          ))}
        </span>
        {lines.length > 1 && (
          <Button
            variant="subtle"
            color="gray"
            leftSection={allOpen ? <IconArrowsMinimize size={14} /> : <IconArrowsMaximize size={14} />}
            onClick={() => setAll(!allOpen)}
          >
            {allOpen ? p.collapseAll : p.expandAll}
          </Button>
        )}
      </header>
      {error !== null && lines.length > 0 && <p className={styles.stale}>{p.stale}</p>}
      {nothing ? (
        error === null &&
        !running && (
          <Message
            icon={<IconTestPipe size={38} stroke={1.3} />}
            title={trial === null ? p.noDraft : p.noSample}
          >
            <p>{trial === null || sampled ? p.noDraftHint : p.noSampleHint}</p>
          </Message>
        )
      ) : (
        <>
          <ol className={styles.lines} data-stale={error !== null || undefined}>
            {lines.map((line, index) => (
              <TrialLine
                key={index}
                number={index + 1}
                trial={line}
                pipeline={trial.pipeline}
                source={trial.text}
                open={isOpen(index)}
                onToggle={() => flip(index)}
              />
            ))}
          </ol>
          <Derived metrics={trial.metrics} pipeline={trial.pipeline} />
        </>
      )}
    </section>
  )
}
