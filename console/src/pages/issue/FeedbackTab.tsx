import { useQuery } from '@tanstack/react-query'
import { IconMessage } from '@tabler/icons-react'
import { issueFeedback, type Said } from '@/api/issue'
import { errorsKey } from '@/components/issues/useIssueActions'
import { Message } from '@/components/Message'
import { useMessages } from '@/i18n'
import { dateTimeText } from '@/lib/clockText'
import { useTimeState } from '@/state/timeSearch'
import styles from './IssuePage.module.css'

/** What users said of the events of an issue. */
export function useFeedback(id: string) {
  return useQuery({
    queryKey: [...errorsKey, 'feedback', id],
    retry: false,
    queryFn: ({ signal }) => issueFeedback(id, signal),
  })
}

interface FeedbackTabProps {
  readonly said: readonly Said[]
  readonly onEvent: (id: string) => void
}

export function FeedbackTab({ said, onEvent }: FeedbackTabProps) {
  const i = useMessages('issue').issue
  const { zone } = useTimeState()
  if (said.length === 0)
    return (
      <Message icon={<IconMessage size={38} stroke={1.3} />} title={i.noFeedback}>
        <p>{i.noFeedbackHint}</p>
      </Message>
    )
  return (
    <ul className={styles.said}>
      {said.map((each) => (
        <li key={`${each.event}${each.time}`}>
          <header>
            <b>{each.name === '' ? i.someone : each.name}</b>
            <span className="muted">
              {each.email} {dateTimeText(each.time, zone)}
            </span>
            <button type="button" onClick={() => onEvent(each.event)}>
              {i.event} {each.event.slice(0, 8)}
            </button>
          </header>
          <p>{each.text}</p>
        </li>
      ))}
    </ul>
  )
}
