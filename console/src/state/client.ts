import { QueryClient } from '@tanstack/react-query'
import { ApiError } from '@/api/http'

export const client = new QueryClient({
  defaultOptions: {
    queries: {
      // A refused query stays refused; only a silent server is worth asking again.
      retry: (count, error) => error instanceof ApiError && error.kind === 'network' && count < 1,
      retryDelay: 1000,
      refetchOnWindowFocus: false,
      staleTime: 5000,
      gcTime: 120_000,
    },
  },
})
