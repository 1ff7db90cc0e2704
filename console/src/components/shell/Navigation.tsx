import { IconLayoutSidebarLeftCollapse, IconLayoutSidebarLeftExpand } from '@tabler/icons-react'
import { Link } from '@tanstack/react-router'
import { Tooltip } from '../Tooltip'
import { useMessages } from '@/i18n'
import { Flame } from './Flame'
import styles from './Navigation.module.css'
import { screens } from './screens'
import { useFiring } from './useFiring'
import { useOpenIncidents } from './useOpenIncidents'

interface NavigationProps {
  readonly narrow: boolean
  readonly onToggle: () => void
}

/** Left on wide screens, a bar at the bottom within reach of the thumb on narrow ones. */
export function Navigation({ narrow, onToggle }: NavigationProps) {
  const t = useMessages()
  const Toggle = narrow ? IconLayoutSidebarLeftExpand : IconLayoutSidebarLeftCollapse
  const firing = useFiring()
  const waiting = useOpenIncidents()
  /** What a screen has that waits for somebody, and how that is said. */
  const badges: Readonly<Record<string, { readonly count: number; readonly label: string }>> = {
    alerts: { count: firing, label: t.nav.firing(firing) },
    incidents: { count: waiting, label: t.nav.waiting(waiting) },
  }
  const toggleLabel = narrow ? t.nav.expand : t.nav.collapse
  return (
    <nav className={styles.nav} aria-label={t.nav.label} data-narrow={narrow || undefined}>
      <Link to="/" className={styles.brand} aria-label={t.brand}>
        <Flame size={26} />
        <span>{t.brand}</span>
      </Link>
      <ul>
        {screens.map(({ name, to, icon: Icon }) => (
          <li key={name} data-screen={name}>
            <Tooltip label={t.nav[name]} position="right" disabled={!narrow}>
              <Link
                to={to}
                className={styles.item}
                activeOptions={{ exact: to === '/', includeSearch: false }}
                activeProps={{ 'aria-current': 'page' }}
                aria-label={(badges[name]?.count ?? 0) > 0 ? badges[name]?.label : t.nav[name]}
              >
                <Icon size={19} stroke={1.6} aria-hidden />
                <span>{t.nav[name]}</span>
                {(badges[name]?.count ?? 0) > 0 && (
                  <b className={styles.badge} aria-hidden>
                    {(badges[name]?.count ?? 0) > 999 ? '999+' : badges[name]?.count}
                  </b>
                )}
              </Link>
            </Tooltip>
          </li>
        ))}
      </ul>
      <button
        type="button"
        className={styles.toggle}
        onClick={onToggle}
        aria-label={toggleLabel}
        aria-expanded={!narrow}
      >
        <Toggle size={18} stroke={1.6} aria-hidden />
      </button>
    </nav>
  )
}
