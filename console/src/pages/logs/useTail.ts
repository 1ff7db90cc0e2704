import { useEffect, useReducer, useState } from 'react'
import { decodeTail, tailAddress } from '@/api/logs'
import { boundary, joinPages, linesOf, withoutKnown, type LogLine } from '@/lib/logLine'
import { nanosOf } from '@/lib/nanos'
import { arrive, clear, emptyTail, pause, resume, type TailBuffer } from '@/lib/tailBuffer'
import { fetchPage } from './pages'

export type TailStatus = 'connecting' | 'open' | 'broken'

export interface Tail extends TailBuffer {
  readonly status: TailStatus
  readonly error: Error | null
  /** Lines a second, over the last few. */
  readonly rate: number
  readonly setPaused: (paused: boolean) => void
  readonly clear: () => void
}

/** Lines of the past to begin with. */
const pastLines = 200
const pastMs = 3_600_000
/** How often the screen takes over what arrived; faster is not seen. */
const flushMs = 150
const againMs = 2000
const rateMs = 5000

type Event =
  /** The past is shown, but did not arrive. */
  | { readonly kind: 'begin'; readonly past: readonly LogLine[] }
  | { readonly kind: 'arrive'; readonly lines: readonly LogLine[]; readonly dropped: number }
  | { readonly kind: 'pause' | 'resume' | 'clear' }

function step(tail: TailBuffer, event: Event): TailBuffer {
  switch (event.kind) {
    case 'begin':
      return { ...emptyTail, lines: event.past }
    case 'arrive':
      return arrive(tail, event.lines, event.dropped)
    case 'pause':
      return pause(tail)
    case 'resume':
      return resume(tail)
    case 'clear':
      return clear(tail)
  }
}

/** Lines as they come. A broken connection is tried again, and goes on where it broke. */
export function useTail(query: string | null): Tail {
  const [tail, dispatch] = useReducer(step, emptyTail)
  const [status, setStatus] = useState<TailStatus>('connecting')
  const [error, setError] = useState<Error | null>(null)
  const [rate, setRate] = useState(0)

  useEffect(() => {
    if (query === null) return undefined
    const stopped = new AbortController()
    let socket: WebSocket | null = null
    let timer: number | undefined
    let fresh: LogLine[] = []
    let dropped = 0
    let newest = nanosOf(Date.now())
    let known: ReadonlyMap<string, number> = new Map()
    let counts: { at: number; count: number }[] = []
    dispatch({ kind: 'begin', past: [] })
    setStatus('connecting')
    setError(null)

    const flush = () => {
      const now = Date.now()
      counts = [...counts, { at: now, count: fresh.length }].filter(({ at }) => now - at < rateMs)
      setRate((counts.reduce((sum, { count }) => sum + count, 0) * 1000) / rateMs)
      if (fresh.length === 0 && dropped === 0) return
      dispatch({ kind: 'arrive', lines: fresh, dropped })
      fresh = []
      dropped = 0
    }
    const take = (lines: readonly LogLine[]) => {
      // Behind a break the server begins with the moment it broke at.
      const news = withoutKnown(lines, known)
      known = new Map()
      const last = news.at(-1)
      if (last !== undefined) newest = last.ns
      fresh.push(...news)
    }
    const connect = () => {
      socket = new WebSocket(tailAddress(query, newest, pastLines))
      socket.onopen = () => setStatus('open')
      socket.onmessage = ({ data }: MessageEvent<string>) => {
        const message = decodeTail(data)
        dropped += message.dropped
        take(linesOf(message.streams, 'oldest'))
      }
      socket.onclose = ({ reason }) => {
        if (stopped.signal.aborted) return
        setStatus('broken')
        if (reason !== '') setError(new Error(reason))
        timer = window.setTimeout(connect, againMs)
      }
    }
    const begin = async () => {
      const now = Date.now()
      const bounds = { start: nanosOf(now - pastMs), end: nanosOf(now) }
      try {
        const past = await fetchPage(
          { query, bounds, cursor: null, direction: 'backward', limit: pastLines },
          stopped.signal,
        )
        newest = past.lines[0]?.ns ?? newest
        known = boundary(past.lines, newest)
        dispatch({ kind: 'begin', past: [...past.lines].reverse() })
        connect()
      } catch (cause) {
        if (stopped.signal.aborted) return
        setStatus('broken')
        setError(cause instanceof Error ? cause : new Error(String(cause)))
      }
    }
    void begin()
    const flusher = window.setInterval(flush, flushMs)
    return () => {
      stopped.abort()
      window.clearInterval(flusher)
      window.clearTimeout(timer)
      socket?.close()
    }
  }, [query])

  return {
    ...tail,
    status,
    error,
    rate,
    setPaused: (paused) => dispatch({ kind: paused ? 'pause' : 'resume' }),
    clear: () => dispatch({ kind: 'clear' }),
  }
}

/** Lines of a tail for a list: the newest first, each with an id of its own. */
export function tailLines(lines: readonly LogLine[]): LogLine[] {
  return joinPages([lines]).reverse()
}
