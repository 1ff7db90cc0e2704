import { keepPreviousData, useQuery, useQueryClient, type UseQueryResult } from '@tanstack/react-query'
import { useEffect } from 'react'
import { useNow } from './live'
import { useTimeState } from './timeSearch'

/** Every question about the present is under this key. */
export const currentKey = 'current'

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
    queryKey: [currentKey, ...key],
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
    if (refresh === 'off') void client.invalidateQueries({ queryKey: [currentKey] }, { cancelRefetch: false })
  }, [client, now, refresh])
}
