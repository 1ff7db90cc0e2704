import { SectionTabs } from '@/components/SectionTabs'
import kit from '@/components/watch/kit.module.css'
import { useWords } from './words'

export function IncidentsTabs() {
  const w = useWords()
  return (
    <>
      <h1 className={kit.hidden}>{w.title}</h1>
      <SectionTabs
        label={w.title}
        tabs={[
          { to: '/incidents', text: w.tabs.incidents },
          { to: '/incidents/oncall', text: w.tabs.oncall },
        ]}
      />
    </>
  )
}
