import { useQuery } from '@tanstack/react-query'
import { queryVector } from '@/api/query'
import { useTimeState } from '@/state/timeSearch'

const periodMs = 15_000

/** How many alerts of the server's own rules fire; 0 as long as that is not known. */
export function useFiring(): number {
  const { refresh } = useTimeState()
  const found = useQuery({
    queryKey: ['firing'],
    retry: false,
    queryFn: ({ signal }) => queryVector('count(ALERTS{alertstate="firing"})', undefined, signal),
    refetchInterval: refresh === 'off' ? false : periodMs,
  })
  return found.data?.[0]?.value ?? 0
}
