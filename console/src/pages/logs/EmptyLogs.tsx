import { IconLogs } from '@tabler/icons-react'
import { Senders } from '@/components/Senders'
import { useMessages } from '@/i18n'
import { senders } from './senders'

/** A store without logs: how to send the first. */
export function EmptyLogs() {
  const e = useMessages('logs').logs.empty
  const shown = senders(window.location.origin).map((sender) => ({ ...sender, title: e[sender.key] }))
  return (
    <Senders
      icon={<IconLogs size={44} stroke={1.3} />}
      title={e.title}
      hint={e.hint}
      more={e.more}
      waiting={e.waiting}
      senders={shown}
    />
  )
}
