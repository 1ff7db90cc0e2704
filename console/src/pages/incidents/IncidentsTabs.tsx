import { SectionTabs } from '@/components/SectionTabs'
import { useWords } from './words'

export function IncidentsTabs() {
  const w = useWords()
  return (
    <SectionTabs
      label={w.title}
      tabs={[
        { to: '/incidents', text: w.tabs.incidents },
        { to: '/incidents/oncall', text: w.tabs.oncall },
      ]}
    />
  )
}
