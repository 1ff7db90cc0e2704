import { Modal } from '@mantine/core'
import { IconBug } from '@tabler/icons-react'
import { Senders } from '@/components/Senders'
import { useMessages } from '@/i18n'
import { dsnOf, errorSenders } from './senders'

/** A store without errors: how to send the first. */
export function EmptyErrors() {
  const e = useMessages('inbox').inbox.empty
  const senders = errorSenders(window.location.origin).map((sender) => ({
    ...sender,
    title: e[sender.key],
  }))
  return (
    <Senders
      icon={<IconBug size={44} stroke={1.3} />}
      title={e.title}
      hint={e.hint(dsnOf(window.location.origin))}
      more={e.more}
      waiting={e.waiting}
      senders={senders}
    />
  )
}

/** The same for who has some errors, and more to send. */
export function SendersDialog({ onClose }: { readonly onClose: () => void }) {
  const t = useMessages('inbox')
  return (
    <Modal
      opened
      onClose={onClose}
      size="xl"
      title={t.inbox.send}
      closeButtonProps={{ 'aria-label': t.common.close }}
    >
      <EmptyErrors />
    </Modal>
  )
}
