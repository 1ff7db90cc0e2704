import { SectionTabs } from '@/components/SectionTabs'
import { useMessages } from '@/i18n'

/** The ways to look at errors. */
export function ErrorsTabs() {
  const t = useMessages('inbox').inbox
  return (
    <SectionTabs
      label={t.title}
      tabs={[
        { to: '/errors', text: t.tabs.issues },
        { to: '/errors/releases', text: t.tabs.releases },
      ]}
    />
  )
}
