import { getRouteApi, useNavigate } from '@tanstack/react-router'
import { useCallback, useMemo } from 'react'
import { ms, type Milliseconds } from '@/lib/brand'
import { parseDuration } from '@/lib/duration'
import { one } from '@/lib/search'
import {
  defaultRange,
  encodeTimePoint,
  isZone,
  parseTimePoint,
  relativeSpan,
  type TimeRange,
  type ZoneId,
} from '@/lib/time'

/** What every screen shares in the address: the time range, its zone, how often to ask again, and which host. */
export interface TimeSearch {
  readonly from?: string | undefined
  readonly to?: string | undefined
  readonly tz?: string | undefined
  readonly refresh?: string | undefined
  readonly host?: string | undefined
}

export const timeSearchKeys = ['from', 'to', 'tz', 'refresh', 'host'] as const

export const refreshChoices = ['live', '5s', '10s', '30s', '1m', '5m', 'off'] as const
export type RefreshChoice = (typeof refreshChoices)[number]

export function validateTimeSearch(search: Record<string, unknown>): TimeSearch {
  const tz = one(search.tz)
  const zone = tz !== undefined && isZone(tz) ? tz : undefined
  const point = (value: unknown): string | undefined => {
    const text = one(value)
    return text !== undefined && parseTimePoint(text, zone ?? 'local') !== null ? text : undefined
  }
  const refresh = one(search.refresh)
  const entries = {
    from: point(search.from),
    to: point(search.to),
    tz: zone,
    refresh: refreshChoices.find((choice) => choice === refresh),
    host: one(search.host),
  }
  return Object.fromEntries(Object.entries(entries).filter(([, value]) => value !== undefined))
}

export function rangeOf(search: TimeSearch): TimeRange {
  const zone = search.tz ?? 'local'
  return {
    from: (search.from === undefined ? null : parseTimePoint(search.from, zone)) ?? defaultRange.from,
    to: (search.to === undefined ? null : parseTimePoint(search.to, zone)) ?? defaultRange.to,
  }
}

/** How long to wait between two askings; null never asks again. `live` keeps pace with what a chart can show. */
export function refreshPeriod(choice: RefreshChoice, range: TimeRange): Milliseconds | null {
  if (range.to.kind === 'absolute' || choice === 'off') return null
  if (choice !== 'live') return parseDuration(choice)
  const span = relativeSpan(range)
  return ms(span === null ? 30_000 : Math.min(Math.max(Math.round(span / 450_000) * 1000, 1000), 30_000))
}

const root = getRouteApi('__root__')

export interface TimeState {
  readonly range: TimeRange
  readonly zone: ZoneId
  readonly refresh: RefreshChoice
  readonly host: string | undefined
  readonly setRange: (range: TimeRange) => void
  readonly setZone: (zone: ZoneId) => void
  readonly setRefresh: (choice: RefreshChoice) => void
  readonly setHost: (host: string | undefined) => void
}

export function useTimeState(): TimeState {
  const { from, to, tz, refresh, host } = root.useSearch()
  // Not the root's own: its `.` would be the first screen, wherever one is.
  const navigate = useNavigate()
  const patch = useCallback(
    (change: TimeSearch) =>
      void navigate({ to: '.', search: (old: TimeSearch) => ({ ...old, ...change }), resetScroll: false }),
    [navigate],
  )
  return useMemo(() => {
    const search: TimeSearch = {
      ...(from === undefined ? {} : { from }),
      ...(to === undefined ? {} : { to }),
      ...(tz === undefined ? {} : { tz }),
    }
    return {
      range: rangeOf(search),
      zone: tz ?? 'local',
      refresh: refreshChoices.find((choice) => choice === refresh) ?? 'live',
      host,
      setRange: (next) => patch({ from: encodeTimePoint(next.from), to: encodeTimePoint(next.to) }),
      setZone: (zone) => patch({ tz: zone === 'local' ? undefined : zone }),
      setRefresh: (choice) => patch({ refresh: choice === 'live' ? undefined : choice }),
      setHost: (next) => patch({ host: next }),
    }
  }, [from, to, tz, refresh, host, patch])
}
