import { Tabs, useComputedColorScheme } from '@mantine/core'
import { getRouteApi } from '@tanstack/react-router'
import { useMessages } from '@/i18n'
import { alertTabs, type AlertTab } from '@/state/alertTabs'
import { AlertsTab } from './AlertsTab'
import styles from './AlertsPage.module.css'
import { DeliveriesTab } from './DeliveriesTab'
import { RoutesTab } from './RoutesTab'
import { RulesTab } from './RulesTab'
import { SilencesTab } from './SilencesTab'

const route = getRouteApi('/alerts')

const bodies: Readonly<Record<AlertTab, () => React.JSX.Element>> = {
  alerts: AlertsTab,
  rules: RulesTab,
  silences: SilencesTab,
  routes: RoutesTab,
  deliveries: DeliveriesTab,
}

/** What fires, what watches for it, what is kept quiet, and who is told. */
export function AlertsPage() {
  const a = useMessages('alerts').alerts
  const scheme = useComputedColorScheme('dark', { getInitialValueInEffect: false })
  const { tab = 'alerts' } = route.useSearch()
  const navigate = route.useNavigate()
  const Body = bodies[tab]
  return (
    <div className={styles.page} data-scheme={scheme}>
      <h1 className={styles.title}>{a.title}</h1>
      <Tabs
        value={tab}
        onChange={(next) => {
          const wanted = alertTabs.find((known) => known === next)
          void navigate({ search: { tab: wanted === 'alerts' ? undefined : wanted } })
        }}
        keepMounted={false}
      >
        <Tabs.List className={styles.tabs}>
          {alertTabs.map((name) => (
            <Tabs.Tab key={name} value={name}>
              {a.tabs[name]}
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
