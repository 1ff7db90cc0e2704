import { useMessages } from '@/i18n'

export function ExplorePage() {
  const t = useMessages()
  return <h1>{t.nav.explore}</h1>
}
