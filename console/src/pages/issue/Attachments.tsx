import { IconDownload } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { attachmentAddress, attachmentsOf, type ErrorEvent } from '@/api/errorEvent'
import { useMessages } from '@/i18n'
import styles from './EventView.module.css'
import { Section } from './Section'

/** Files that came with an event, to download. */
export function Attachments({ event }: { readonly event: ErrorEvent }) {
  const i = useMessages('issue').issue
  const { id, time } = event
  const asked = useQuery({
    queryKey: ['errors', 'attachments', id],
    // Only Sentry's SDKs send files.
    enabled: event.origin === 'sentry',
    staleTime: 60_000,
    retry: false,
    queryFn: ({ signal }) => attachmentsOf({ id, time }, signal),
  })
  const files = asked.data ?? []
  if (files.length === 0) return null
  return (
    <Section title={i.attachments}>
      <ul className={styles.files}>
        {files.map((file) => (
          <li key={file.number}>
            <a href={attachmentAddress(event, file)} download={file.file === '' ? 'attachment' : file.file}>
              <IconDownload size={14} aria-hidden />
              {file.file === '' ? `#${file.number}` : file.file}
            </a>{' '}
            <span className="muted">{file.contentType}</span>
          </li>
        ))}
      </ul>
    </Section>
  )
}
