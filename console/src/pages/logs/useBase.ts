import { useQuery } from '@tanstack/react-query'
import { logLabels, volumeByLabel } from '@/api/logs'

export interface Base {
  /** Whether there are any logs at all. */
  readonly any: boolean
  /** A selector that the streams of nearly all logs meet. */
  readonly selector: string
}

/** While nothing was sent, look often: somebody is trying an example. */
const searchingMs = 2000

/** Of labels that cover as much, the one people know their logs by. */
const known = [
  'service_name',
  'app',
  'job',
  'service',
  'container',
  'k8s_pod_name',
  'host_name',
  'host',
  'hostname',
]

/** A label that says as much as the largest is as good as it. */
const asGood = 0.995

export function coveringLabel(volumes: readonly { name: string; bytes: number }[]): string | null {
  const most = Math.max(0, ...volumes.map(({ bytes }) => bytes))
  const names = volumes.filter(({ bytes }) => bytes >= most * asGood).map(({ name }) => name)
  return known.find((name) => names.includes(name)) ?? names[0] ?? null
}

const selectorBy = (name: string): string => `{${name}=~".+"}`

/** Where to begin: LogQL wants at least one label, and which one all logs have is up to their senders. */
export function useBase(): Base | null {
  const asked = useQuery({
    queryKey: ['logs', 'base'],
    queryFn: async ({ signal }): Promise<Base> => {
      // Also what is a little ahead of this clock.
      const span = { from: 0, to: Date.now() + 86_400_000 }
      const names = await logLabels(undefined, span, signal)
      if (names.length === 0) return { any: false, selector: selectorBy('service_name') }
      const volumes = await volumeByLabel(span, signal)
      return { any: true, selector: selectorBy(coveringLabel(volumes) ?? names[0] ?? 'service_name') }
    },
    staleTime: 300_000,
    refetchInterval: (query) => (query.state.data?.any === false ? searchingMs : false),
  })
  return asked.data ?? null
}
