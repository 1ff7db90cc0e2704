import { useMessages } from '@/i18n'

export function TargetsPage() {
  const t = useMessages()
  return <h1>{t.nav.targets}</h1>
}
