import { SegmentedControl, useComputedColorScheme } from '@mantine/core'
import { getRouteApi } from '@tanstack/react-router'
import { traceVariables } from '@/components/traceVariables'
import { TracesTabs } from '@/components/TracesTabs'
import { useMessages } from '@/i18n'
import styles from './ComparePage.module.css'
import { Groups } from './Groups'
import { TwoTraces } from './TwoTraces'

const route = getRouteApi('/traces/compare')

/** Two traces beside each other, or what sets a part of many spans apart from the rest. */
export function ComparePage() {
  const t = useMessages('traceCompare').traceCompare
  const scheme = useComputedColorScheme('dark', { getInitialValueInEffect: false })
  const { q, sel } = route.useSearch()
  const navigate = route.useNavigate()
  const groups = q !== undefined || sel !== undefined
  return (
    <div className={styles.page} style={traceVariables(scheme)}>
      <h1 className={styles.title}>{t.title}</h1>
      <TracesTabs />
      <SegmentedControl
        className={styles.modes}
        aria-label={t.mode}
        value={groups ? 'groups' : 'traces'}
        onChange={(mode) =>
          void navigate({ search: mode === 'groups' ? { q: '{ }', sel: '{ status = error }' } : {} })
        }
        data={[
          { value: 'traces', label: t.two },
          { value: 'groups', label: t.groups },
        ]}
      />
      {groups ? (
        <Groups key={`${q ?? ''}|${sel ?? ''}`} query={q ?? '{ }'} selection={sel ?? '{ status = error }'} />
      ) : (
        <TwoTraces />
      )}
    </div>
  )
}
