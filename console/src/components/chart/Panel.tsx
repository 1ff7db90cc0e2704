import { ActionIcon } from '@mantine/core'
import { IconExternalLink, IconInfoCircle } from '@tabler/icons-react'
import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { Tooltip } from '../Tooltip'
import { useMessages } from '@/i18n'
import styles from './Panel.module.css'

interface PanelProps {
  readonly title: string
  readonly help?: string
  /** The queries behind the panel; the link opens them in Explore. */
  readonly exprs?: readonly string[]
  readonly extra?: ReactNode
  readonly children: ReactNode
}

export function Panel({ title, help, exprs, extra, children }: PanelProps) {
  const t = useMessages()
  return (
    <section className={styles.panel} aria-label={title}>
      <header>
        <h2>{title}</h2>
        {help !== undefined && (
          <Tooltip label={help} maw={280}>
            <span tabIndex={0} className={styles.help} role="note" aria-label={help}>
              <IconInfoCircle size={14} stroke={1.6} />
            </span>
          </Tooltip>
        )}
        <div className={styles.extra}>{extra}</div>
        {exprs !== undefined && (
          <Tooltip label={t.common.openInExplore}>
            <ActionIcon
              size="sm"
              className={styles.open}
              aria-label={`${title}: ${t.common.openInExplore}`}
              renderRoot={(props) => <Link {...props} to="/explore" search={{ q: [...exprs] }} />}
            >
              <IconExternalLink size={14} stroke={1.6} />
            </ActionIcon>
          </Tooltip>
        )}
      </header>
      {children}
    </section>
  )
}
