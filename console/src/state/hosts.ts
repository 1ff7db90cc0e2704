import { queryOptions } from '@tanstack/react-query'
import { queryVector } from '@/api/query'

export interface Host {
  readonly instance: string
  readonly job: string
}

/** The hosts that report as node_exporter does, whoever collects them. */
const hostsQuery = 'node_uname_info or on (instance, job) node_load1'

/** While nothing reports, look often: the agent starts within moments of the server. */
const searchingMs = 1000
const settledMs = 15_000

export const hostsOptions = queryOptions({
  queryKey: ['hosts'],
  queryFn: async ({ signal }) => {
    const samples = await queryVector(hostsQuery, undefined, signal)
    const hosts = new Map<string, Host>()
    for (const { metric } of samples) {
      const instance = metric.instance ?? ''
      const known = hosts.get(instance)
      // A host collected twice shows once, by preference as the agent reports it.
      if (known === undefined || metric.job === 'node')
        hosts.set(instance, { instance, job: metric.job ?? '' })
    }
    return [...hosts.values()].sort((a, b) => a.instance.localeCompare(b.instance))
  },
  refetchInterval: (query) => ((query.state.data?.length ?? 0) === 0 ? searchingMs : settledMs),
})
