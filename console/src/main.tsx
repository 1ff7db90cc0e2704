import './styles/mantine.css'
import './styles/app.css'
import { MantineProvider } from '@mantine/core'
import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { RouterProvider } from '@tanstack/react-router'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { ApiError } from './api/http'
import { router } from './router'
import { theme } from './theme'

const client = new QueryClient({
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

const root = document.getElementById('root')
if (root === null) throw new Error('index.html has no #root element')
createRoot(root).render(
  <StrictMode>
    <MantineProvider theme={theme} defaultColorScheme="auto">
      <QueryClientProvider client={client}>
        <RouterProvider router={router} />
      </QueryClientProvider>
    </MantineProvider>
  </StrictMode>,
)
