import type { ReactNode } from 'react'
import styles from './Message.module.css'

interface MessageProps {
  readonly icon?: ReactNode
  readonly title: string
  readonly children?: ReactNode
  readonly actions?: ReactNode
}

/** What stands in place of content that is not there: why, and what to do about it. */
export function Message({ icon, title, children, actions }: MessageProps) {
  return (
    <div className={styles.message}>
      {icon !== undefined && (
        <div className={styles.icon} aria-hidden>
          {icon}
        </div>
      )}
      <h2>{title}</h2>
      {children !== undefined && <div className={styles.body}>{children}</div>}
      {actions !== undefined && <div className={styles.actions}>{actions}</div>}
    </div>
  )
}
