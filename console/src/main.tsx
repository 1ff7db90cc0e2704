import './styles/mantine.css'
import './styles/app.css'
import { MantineProvider } from '@mantine/core'
import { QueryClientProvider } from '@tanstack/react-query'
import { RouterProvider } from '@tanstack/react-router'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { languageReady } from './i18n'
import { router } from './router'
import { client } from './state/client'
import { theme } from './theme'

const root = document.getElementById('root')
if (root === null) throw new Error('index.html has no #root element')
const created = createRoot(root)
// The code and the words of the screen in the address come beside those of the frame, not after them.
for (const route of router.getMatchedRoutes(router.latestLocation.pathname)[0]) {
  void router.loadRouteChunk(route)
}
// Awaited here and not at the top level: then other chunks could not share modules with this one.
void languageReady().then(() =>
  created.render(
    <StrictMode>
      <MantineProvider theme={theme} defaultColorScheme="auto">
        <QueryClientProvider client={client}>
          <RouterProvider router={router} />
        </QueryClientProvider>
      </MantineProvider>
    </StrictMode>,
  ),
)
