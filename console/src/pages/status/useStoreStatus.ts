import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { storeStatusOf } from '@/api/catalog'
import type { Figures, StoreStatus } from '@/api/types'

export const figure = (figures: Figures, name: string): number | null => {
  const value = figures[name]
  return typeof value === 'number' ? value : null
}

const pollMs = 2000

interface Reading {
  readonly at: number
  readonly status: StoreStatus
}

/** The store's figures, and how fast samples arrive between the last two readings. */
export function useStoreStatus() {
  const query = useQuery({
    queryKey: ['store-status'],
    queryFn: async ({ signal }): Promise<Reading> => ({
      status: await storeStatusOf(signal),
      at: performance.now(),
    }),
    refetchInterval: pollMs,
    structuralSharing: false,
    retry: false,
  })
  const [readings, setReadings] = useState<readonly [Reading | undefined, Reading | undefined]>([
    undefined,
    undefined,
  ])
  if (query.data !== readings[1]) setReadings([readings[1], query.data])
  const [before, now] = readings
  const count = (reading: Reading | undefined) =>
    reading === undefined ? null : figure(reading.status.store, 'samples_appended')
  const [first, last] = [count(before), count(now)]
  const elapsed = before === undefined || now === undefined ? 0 : (now.at - before.at) / 1000
  const perSecond =
    first === null || last === null || elapsed <= 0 ? null : Math.max(last - first, 0) / elapsed
  return { status: query.data?.status, error: query.error, perSecond }
}
