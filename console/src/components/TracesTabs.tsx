import { Link } from '@tanstack/react-router'
import { useMessages } from '@/i18n'
import styles from './TracesTabs.module.css'

const tabs = [
  { name: 'search', to: '/traces' },
  { name: 'map', to: '/traces/map' },
  { name: 'compare', to: '/traces/compare' },
] as const

/** The ways to look at traces, each with an address of its own. */
export function TracesTabs() {
  const t = useMessages().traces
  return (
    <nav className={styles.tabs} aria-label={t.title}>
      {tabs.map(({ name, to }) => (
        <Link
          key={name}
          to={to}
          activeOptions={{ exact: true, includeSearch: false }}
          activeProps={{ 'aria-current': 'page' }}
        >
          {t.tabs[name]}
        </Link>
      ))}
    </nav>
  )
}
