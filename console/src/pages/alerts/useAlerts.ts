import { keepPreviousData, useQuery, useQueryClient, type UseQueryResult } from '@tanstack/react-query'
import { useEffect, useMemo } from 'react'
import { ruleAlerts, toldAlerts } from '@/api/alerting'
import { ApiError } from '@/api/http'
import { queryVector } from '@/api/query'
import { resolvedQueries } from '@/lib/alertQuery'
import { joinAlerts, type Alert, type ResolvedAlert } from '@/lib/alerts'
import { useNow } from '@/state/live'
import { useTimeState } from '@/state/timeSearch'

/** Every question of the screen is under this key. */
export const alertsKey = 'alerts'

interface Timed<T> {
  readonly value: T
  readonly tookMs: number
}

const periodMin = 2000
const periodMax = 30_000
/** Of the time that passes, asking takes at most this part. */
const share = 20

/**
 * Something of now, whatever the range of time: asked again as often as its size allows, and not at all while
 * refreshing is off.
 */
export function useCurrent<T>(
  key: readonly unknown[],
  ask: (signal: AbortSignal) => Promise<T>,
  options: { readonly slowest?: number; readonly enabled?: boolean } = {},
): Omit<UseQueryResult<Timed<T>>, 'data'> & { readonly data: T | undefined } {
  const { refresh } = useTimeState()
  const found = useQuery({
    queryKey: [alertsKey, ...key],
    enabled: options.enabled ?? true,
    structuralSharing: false,
    placeholderData: keepPreviousData,
    queryFn: async ({ signal }): Promise<Timed<T>> => {
      const begun = performance.now()
      const value = await ask(signal)
      return { value, tookMs: performance.now() - begun }
    },
    refetchInterval: ({ state }) => {
      if (refresh === 'off') return false
      const least = options.slowest ?? periodMin
      return Math.min(Math.max((state.data?.tookMs ?? 0) * share, least), periodMax)
    },
  })
  const { data, ...rest } = found
  return { ...rest, data: data?.value }
}

/** Asking for the present by hand counts here, too. */
export function useRefreshByHand(): void {
  const client = useQueryClient()
  const { refresh } = useTimeState()
  const now = useNow()
  useEffect(() => {
    if (refresh === 'off') void client.invalidateQueries({ queryKey: [alertsKey] }, { cancelRefetch: false })
  }, [client, now, refresh])
}

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
