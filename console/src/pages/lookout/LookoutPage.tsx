import { Tabs } from '@mantine/core'
import { getRouteApi } from '@tanstack/react-router'
import styles from '@/components/watch/kit.module.css'
import { useRefreshByHand } from '@/state/current'
import { lookoutTabs, type LookoutTab } from '@/state/lookoutSearch'
import { ChecksTab } from './ChecksTab'
import { HeartbeatsTab } from './HeartbeatsTab'
import { ProbesTab } from './ProbesTab'
import { VigilTab } from './VigilTab'
import { useWords } from './words'

const route = getRouteApi('/probes')

const bodies: Readonly<Record<LookoutTab, () => React.JSX.Element>> = {
  probes: ProbesTab,
  heartbeats: HeartbeatsTab,
  checks: ChecksTab,
  vigil: VigilTab,
}

/** What does not report by itself, looked at from outside. */
export function LookoutPage() {
  const w = useWords()
  const { tab = 'probes' } = route.useSearch()
  const navigate = route.useNavigate()
  useRefreshByHand()
  const Body = bodies[tab]
  return (
    <div className={styles.page}>
      <h1 className={styles.title}>{w.title}</h1>
      <Tabs
        value={tab}
        onChange={(next) => {
          const wanted = lookoutTabs.find((known) => known === next)
          void navigate({ search: { tab: wanted === 'probes' ? undefined : wanted } })
        }}
        keepMounted={false}
      >
        <Tabs.List className={styles.tabs}>
          {lookoutTabs.map((name) => (
            <Tabs.Tab key={name} value={name}>
              {w.tabs[name]}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        <Tabs.Panel value={tab} pt="sm">
          <Body />
        </Tabs.Panel>
      </Tabs>
    </div>
  )
}
