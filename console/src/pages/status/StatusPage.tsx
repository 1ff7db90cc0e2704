import { Tabs } from '@mantine/core'
import { getRouteApi } from '@tanstack/react-router'
import { useMessages } from '@/i18n'
import { statusTabs, type StatusTab } from '@/state/statusTabs'
import { CardinalityTab } from './CardinalityTab'
import { ConfigTab } from './ConfigTab'
import { FlagsTab, RuntimeTab } from './InfoTabs'
import { MemoryTab } from './MemoryTab'
import styles from './StatusPage.module.css'
import { StorageTab } from './StorageTab'

const route = getRouteApi('/status')

const bodies: Readonly<Record<StatusTab, () => React.JSX.Element>> = {
  storage: StorageTab,
  memory: MemoryTab,
  cardinality: CardinalityTab,
  config: ConfigTab,
  runtime: RuntimeTab,
  flags: FlagsTab,
}

/** How the server itself is doing. */
export function StatusPage() {
  const t = useMessages('status')
  const { tab = 'storage' } = route.useSearch()
  const navigate = route.useNavigate()
  const Body = bodies[tab]
  return (
    <div className={styles.page}>
      <h1>{t.status.title}</h1>
      <Tabs
        value={tab}
        onChange={(next) => void navigate({ search: { tab: statusTabs.find((known) => known === next) } })}
        keepMounted={false}
      >
        <Tabs.List className={styles.tabs}>
          {statusTabs.map((name) => (
            <Tabs.Tab key={name} value={name}>
              {t.status[name]}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        <Tabs.Panel value={tab} pt="md">
          <Body />
        </Tabs.Panel>
      </Tabs>
    </div>
  )
}
