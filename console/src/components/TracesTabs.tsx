import { useMessages } from '@/i18n'
import { SectionTabs } from './SectionTabs'

const tabs = [
  { name: 'search', to: '/traces' },
  { name: 'map', to: '/traces/map' },
  { name: 'compare', to: '/traces/compare' },
] as const

/** The ways to look at traces. */
export function TracesTabs() {
  const t = useMessages('traces').traces
  return <SectionTabs label={t.title} tabs={tabs.map(({ name, to }) => ({ to, text: t.tabs[name] }))} />
}
