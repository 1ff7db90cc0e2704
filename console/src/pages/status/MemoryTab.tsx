import { Skeleton } from '@mantine/core'
import { ShareBar } from '@/components/ShareBar'
import { useMessages } from '@/i18n'
import { formatValue } from '@/lib/units'
import styles from './StatusPage.module.css'
import { figure, useStoreStatus } from './useStoreStatus'

interface BudgetProps {
  readonly name: string
  readonly used: number | null
  readonly budget: number | null
  readonly note?: string
}

function Budget({ name, used, budget, note }: BudgetProps) {
  const t = useMessages('status')
  const share = used === null || budget === null || budget === 0 ? null : used / budget
  const size = used === null ? (note ?? '') : formatValue(used, 'bytes')
  return (
    <div className={styles.budget}>
      <span>{name}</span>
      {share === null ? <span /> : <ShareBar share={share} label={name} warn={0.8} bad={0.95} />}
      <span>
        <b>{size}</b>{' '}
        <span className="muted">
          {budget === null ? t.status.unbounded : t.common.of(formatValue(budget, 'bytes'))}
        </span>
      </span>
    </div>
  )
}

/** What may use memory, and how much of it is used. */
export function MemoryTab() {
  const s = useMessages('status').status
  const { status, error } = useStoreStatus()
  if (status === undefined)
    return error === null ? <Skeleton height={220} /> : <p className={styles.hint}>{s.missing}</p>
  const { store, budgets, use } = status
  const running = figure(use, 'queriesRunning') ?? 0
  const waiting = figure(use, 'queriesWaiting') ?? 0
  return (
    <div className={styles.stack}>
      <p className={styles.hint}>{s.budgetsHint}</p>
      <section className={styles.panel}>
        <h2>{s.budgets}</h2>
        <Budget
          name={s.uses.head}
          used={figure(store, 'head_bytes')}
          budget={figure(store, 'head_bytes_max')}
        />
        <Budget
          name={s.uses.receive}
          used={figure(use, 'receiveBytes')}
          budget={figure(budgets, 'receiveBytes')}
        />
        <Budget
          name={s.uses.query}
          used={figure(use, 'queryBytes')}
          budget={figure(budgets, 'queryBytes')}
          note={s.queries(running, waiting)}
        />
        <Budget
          name={s.uses.results}
          used={figure(use, 'resultCacheBytes')}
          budget={figure(budgets, 'resultCacheBytes')}
          note={s.results(figure(use, 'resultCacheEntries') ?? 0)}
        />
        <Budget name={s.uses.index} used={figure(store, 'index_memory_bytes')} budget={null} />
        <Budget name={s.uses.parts} used={figure(store, 'part_memory_bytes')} budget={null} />
        <Budget
          name={s.uses.resident}
          used={figure(use, 'residentBytes')}
          budget={figure(budgets, 'machineBytes')}
        />
      </section>
    </div>
  )
}
