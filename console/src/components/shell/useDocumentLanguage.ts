import { useRouterState } from '@tanstack/react-router'
import { useEffect } from 'react'
import { useMessages } from '@/i18n'
import { screens } from './screens'

/** Keeps the document's language and title in step, for screen readers and browser tabs. */
export function useDocumentLanguage(): void {
  const t = useMessages()
  const path = useRouterState({ select: (state) => state.location.pathname })
  const screen = screens.find(({ to }) => to === path)
  const title = screen === undefined ? t.brand : `${t.nav[screen.name]} · ${t.brand}`
  useEffect(() => {
    document.documentElement.lang = t.locale
    document.title = title
  }, [t.locale, title])
}
