import { useDisclosure } from '@mantine/hooks'
import { Outlet } from '@tanstack/react-router'
import { lazy, Suspense } from 'react'
import { useMessages, withWords } from '@/i18n'
import { useHeartbeat } from '@/state/live'
import { stored } from '@/state/stored'
import { ConnectionBanner } from './ConnectionBanner'
import { Navigation } from './Navigation'
import styles from './Shell.module.css'
import { Toasts } from './Toasts'
import { TopBar } from './TopBar'
import { useDocumentLanguage } from './useDocumentLanguage'
import { useShortcuts } from './useShortcuts'

const loadPalette = () => withWords(import('./CommandPalette'), 'palette')
const CommandPalette = lazy(() => loadPalette().then((m) => ({ default: m.CommandPalette })))
const ShortcutHelp = lazy(() =>
  withWords(import('./ShortcutHelp'), 'shortcuts').then((m) => ({ default: m.ShortcutHelp })),
)

const collapsed = stored('nav-collapsed', (raw) => raw === true)

/** The frame around every screen. */
export function Shell() {
  const t = useMessages()
  const narrow = collapsed.use()
  const [paletteOpen, palette] = useDisclosure(false)
  const [helpOpen, help] = useDisclosure(false)
  const toggleNav = () => collapsed.set(!collapsed.get())
  useDocumentLanguage()
  useHeartbeat()
  useShortcuts({
    preparePalette: () => void loadPalette(),
    openPalette: palette.open,
    openHelp: help.toggle,
    toggleNav,
  })
  return (
    <div className={styles.shell} data-narrow={narrow || undefined}>
      <a className="skip-link" href="#content">
        {t.nav.skip}
      </a>
      <Navigation narrow={narrow} onToggle={toggleNav} />
      <div className={styles.column}>
        <TopBar onPalette={palette.open} onHelp={help.open} />
        <ConnectionBanner />
        <main id="content" tabIndex={-1} className={styles.main}>
          <Outlet />
        </main>
      </div>
      <Suspense>
        {paletteOpen && <CommandPalette onClose={palette.close} />}
        {helpOpen && <ShortcutHelp onClose={help.close} />}
      </Suspense>
      <Toasts />
    </div>
  )
}
