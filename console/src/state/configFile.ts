import { useQuery } from '@tanstack/react-query'
import { infoPage } from '@/api/catalog'

/** The configuration file as the server was given it. */
export function useConfigFile(): string {
  const flags = useQuery({
    queryKey: ['info', 'flags'],
    staleTime: Infinity,
    queryFn: ({ signal }) => infoPage('flags', signal),
  })
  const file = flags.data?.config ?? ''
  return file === '' ? 'watchfire.yml' : file
}
