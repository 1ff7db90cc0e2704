import { getRouteApi } from '@tanstack/react-router'
import { useCallback, useMemo } from 'react'
import type { Milliseconds } from '@/lib/brand'
import { parseDuration } from '@/lib/duration'
import { units, type Unit } from '@/lib/units'

export type ExploreView = 'graph' | 'table' | 'raw'
export type GraphStyle = 'line' | 'stacked' | 'points'

export interface ExploreState {
  readonly exprs: readonly string[]
  readonly hidden: ReadonlySet<number>
  readonly view: ExploreView
  readonly style: GraphStyle
  readonly unit: Unit | null
  readonly step: Milliseconds | null
  readonly stepText: string
}

export interface ExploreChange {
  readonly exprs?: readonly string[]
  readonly hidden?: ReadonlySet<number>
  readonly view?: ExploreView
  readonly style?: GraphStyle
  readonly unit?: Unit | null
  readonly stepText?: string
}

const route = getRouteApi('/explore')
const noExprs: readonly string[] = []

/** The address of Explore as a typed value, and a way to change it; defaults are left out of the address. */
export function useExplore(): [ExploreState, (change: ExploreChange) => void] {
  const { q, hide, view, style, unit, step } = route.useSearch()
  const navigate = route.useNavigate()
  const state = useMemo(
    (): ExploreState => ({
      exprs: q ?? noExprs,
      hidden: new Set(
        (hide ?? '').split(',').flatMap((index) => (/^\d+$/.test(index) ? [Number(index)] : [])),
      ),
      view: view ?? 'graph',
      style: style ?? 'line',
      unit: units.find((known) => known === unit) ?? null,
      step: step === undefined ? null : parseDuration(step),
      stepText: step ?? '',
    }),
    [q, hide, view, style, unit, step],
  )
  const change = useCallback(
    (next: ExploreChange) => {
      void navigate({
        resetScroll: false,
        search: (old) => ({
          ...old,
          ...(next.exprs === undefined ? {} : { q: next.exprs.length === 0 ? undefined : [...next.exprs] }),
          ...(next.hidden === undefined ? {} : { hide: [...next.hidden].sort().join(',') || undefined }),
          ...(next.view === undefined ? {} : { view: next.view === 'graph' ? undefined : next.view }),
          ...(next.style === undefined ? {} : { style: next.style === 'line' ? undefined : next.style }),
          ...(next.unit === undefined ? {} : { unit: next.unit ?? undefined }),
          ...(next.stepText === undefined ? {} : { step: next.stepText || undefined }),
        }),
      })
    },
    [navigate],
  )
  return [state, change]
}

/** Queries are called A, B, … Z, A1, … as in a spreadsheet. */
export function rowName(index: number): string {
  const letter = String.fromCharCode(65 + (index % 26))
  return index < 26 ? letter : `${letter}${Math.floor(index / 26)}`
}
