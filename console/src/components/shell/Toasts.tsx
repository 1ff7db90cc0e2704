import { CloseButton } from '@mantine/core'
import { IconAlertTriangle, IconCheck } from '@tabler/icons-react'
import { useMessages } from '@/i18n'
import { dismiss, useToasts } from '@/state/toasts'
import styles from './Toasts.module.css'

export function Toasts() {
  const t = useMessages()
  const toasts = useToasts()
  return (
    <div className={styles.stack} role="status" aria-live="polite">
      {toasts.map((toast) => (
        <div key={toast.id} className={styles.toast} data-tone={toast.tone}>
          {toast.tone === 'good' ? (
            <IconCheck size={16} aria-hidden />
          ) : (
            <IconAlertTriangle size={16} aria-hidden />
          )}
          <span>{toast.text}</span>
          <CloseButton size="xs" aria-label={t.common.close} onClick={() => dismiss(toast.id)} />
        </div>
      ))}
    </div>
  )
}
