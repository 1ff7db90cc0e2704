import { useMessages } from '@/i18n'

export function StatusPage() {
  const t = useMessages()
  return <h1>{t.nav.status}</h1>
}
