import { IconTimeline } from '@tabler/icons-react'
import { Senders } from '@/components/Senders'
import { useMessages } from '@/i18n'
import { traceSenders } from './senders'

/** A store without spans: how to send the first. */
export function EmptyTraces() {
  const e = useMessages('traces').traces.empty
  const senders = traceSenders(window.location.origin).map((sender) => ({ ...sender, title: e[sender.key] }))
  return (
    <Senders
      icon={<IconTimeline size={44} stroke={1.3} />}
      title={e.title}
      hint={e.hint}
      more={e.more}
      waiting={e.waiting}
      senders={senders}
    />
  )
}
