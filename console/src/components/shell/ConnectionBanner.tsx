import { IconPlugConnectedX } from '@tabler/icons-react'
import { useQueryClient } from '@tanstack/react-query'
import { useSyncExternalStore } from 'react'
import { ApiError } from '@/api/http'
import { useMessages } from '@/i18n'
import styles from './ConnectionBanner.module.css'

/** Shown while the newest answer of any query in use is that the server cannot be reached. */
export function ConnectionBanner() {
  const t = useMessages()
  const cache = useQueryClient().getQueryCache()
  const silent = useSyncExternalStore(
    (listener) => cache.subscribe(listener),
    () =>
      cache.getAll().some((query) => {
        const { error, fetchFailureReason } = query.state
        const failure = error ?? fetchFailureReason
        return query.isActive() && failure instanceof ApiError && failure.kind === 'network'
      }),
  )
  if (!silent) return null
  return (
    <div className={styles.banner} role="alert">
      <IconPlugConnectedX size={17} aria-hidden />
      <strong>{t.errors.unreachable}</strong>
      <span>{t.errors.unreachableHint}</span>
    </div>
  )
}
