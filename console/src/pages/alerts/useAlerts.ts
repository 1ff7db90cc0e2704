import { useMemo } from 'react'
import { ruleAlerts, toldAlerts } from '@/api/alerting'
import { ApiError } from '@/api/http'
import { queryVector } from '@/api/query'
import { resolvedQueries } from '@/lib/alertQuery'
import { joinAlerts, type Alert, type ResolvedAlert } from '@/lib/alerts'
import { currentKey as alertsKey, useCurrent, useRefreshByHand } from '@/state/current'

export { alertsKey, useCurrent, useRefreshByHand }

async function resolvedAlerts(signal: AbortSignal): Promise<ResolvedAlert[]> {
  const [best, other] = resolvedQueries
  const samples = await queryVector(best, undefined, signal).catch((cause: unknown) => {
    if (cause instanceof ApiError && cause.kind === 'refused') return queryVector(other, undefined, signal)
    throw cause
  })
  return samples.map(({ metric, value }) => {
    const labels = Object.entries(metric).filter(([name]) => name !== 'alertstate')
    return { labels: Object.fromEntries(labels), at: (value ?? 0) * 1000 }
  })
}

const none: never[] = []

export interface Alerts {
  /** undefined until the first answer. */
  readonly alerts: readonly Alert[] | undefined
  readonly error: Error | null
}

/** All alerts there are, from the server's rules and from whoever else sends. */
export function useAlerts(): Alerts {
  useRefreshByHand()
  const rules = useCurrent(['rule-alerts'], ruleAlerts)
  const told = useCurrent(['told'], toldAlerts)
  const resolved = useCurrent(['resolved'], resolvedAlerts, { slowest: 5000 })
  const alerts = useMemo(
    () =>
      rules.data === undefined || told.data === undefined
        ? undefined
        : joinAlerts(rules.data, told.data, resolved.data ?? none),
    [rules.data, told.data, resolved.data],
  )
  return { alerts, error: rules.error ?? told.error }
}
