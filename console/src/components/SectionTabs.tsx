import { Link } from '@tanstack/react-router'
import styles from './SectionTabs.module.css'

interface SectionTabsProps {
  readonly label: string
  readonly tabs: readonly {
    readonly to:
      | '/traces'
      | '/traces/map'
      | '/traces/compare'
      | '/errors'
      | '/errors/releases'
      | '/incidents'
      | '/incidents/oncall'
    readonly text: string
  }[]
}

/** The ways to look at one signal, each with an address of its own. */
export function SectionTabs({ label, tabs }: SectionTabsProps) {
  return (
    <nav className={styles.tabs} aria-label={label}>
      {tabs.map(({ to, text }) => (
        <Link
          key={to}
          to={to}
          activeOptions={{ exact: true, includeSearch: false }}
          activeProps={{ 'aria-current': 'page' }}
        >
          {text}
        </Link>
      ))}
    </nav>
  )
}
