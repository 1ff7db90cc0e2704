import { getRouteApi } from '@tanstack/react-router'
import { useCallback, useEffect, useMemo, useRef, useState } from 'react'

/** A part of the time of a trace, in nanoseconds after its start. */
export interface Zoom {
  readonly from: number
  readonly to: number
}

export interface TraceView {
  /** The id of the span that is chosen. */
  readonly span: string | null
  readonly find: string
  readonly path: boolean
  /** null shows all of it. */
  readonly zoom: Zoom | null
}

const route = getRouteApi('/traces/$id')
/** Walking through spans does not write each of them into the address. */
const settleMs = 250

function zoomOf(text: string | undefined): Zoom | null {
  const [from = NaN, to = NaN] = (text ?? '').split('-').map(Number)
  return to > from ? { from, to } : null
}

/** What is looked at of a trace. The address holds it, but follows the chosen span a little later. */
export function useTraceView(): [TraceView, (change: Partial<TraceView>) => void] {
  const { span, find, path, zoom } = route.useSearch()
  const navigate = route.useNavigate()
  const [chosen, setChosen] = useState<string | null>(span ?? null)
  const seen = useRef(span)
  const timer = useRef(0)
  useEffect(() => {
    if (seen.current === span) return
    seen.current = span
    setChosen(span ?? null)
  }, [span])
  useEffect(() => () => window.clearTimeout(timer.current), [])
  const view = useMemo(
    (): TraceView => ({ span: chosen, find: find ?? '', path: path !== '0', zoom: zoomOf(zoom) }),
    [chosen, find, path, zoom],
  )
  const change = useCallback(
    (next: Partial<TraceView>) => {
      if (next.span !== undefined) {
        const wanted = next.span ?? undefined
        setChosen(next.span)
        window.clearTimeout(timer.current)
        timer.current = window.setTimeout(() => {
          seen.current = wanted
          void navigate({ replace: true, resetScroll: false, search: (old) => ({ ...old, span: wanted }) })
        }, settleMs)
      }
      const { find: text, path: shown, zoom: part } = next
      if (text === undefined && shown === undefined && part === undefined) return
      void navigate({
        replace: part === undefined,
        resetScroll: false,
        search: (old) => ({
          ...old,
          ...(text === undefined ? {} : { find: text === '' ? undefined : text }),
          ...(shown === undefined ? {} : { path: shown ? undefined : ('0' as const) }),
          ...(part === undefined
            ? {}
            : { zoom: part === null ? undefined : `${Math.round(part.from)}-${Math.round(part.to)}` }),
        }),
      })
    },
    [navigate],
  )
  return [view, change]
}
