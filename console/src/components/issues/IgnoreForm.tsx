import { Button, TextInput } from '@mantine/core'
import { useState } from 'react'
import type { IgnoreUntil } from '@/api/errors'
import { useMessages } from '@/i18n'
import { parseDuration } from '@/lib/duration'
import styles from './ActionBar.module.css'

const durations = ['30m', '2h', '1d', '1w'] as const
const counts = [10, 100, 1000] as const

/** A whole number above zero, nothing, or null where it is neither. */
function countOf(text: string): number | undefined | null {
  if (text.trim() === '') return undefined
  const count = Number(text)
  return Number.isSafeInteger(count) && count > 0 ? count : null
}

interface IgnoreFormProps {
  readonly onIgnore: (until: IgnoreUntil | null) => void
}

/** Until when an issue is ignored: a time, so many events, so many users, or for good. */
export function IgnoreForm({ onIgnore }: IgnoreFormProps) {
  const i = useMessages('inbox').inbox.ignore
  const [duration, setDuration] = useState('')
  const [events, setEvents] = useState('')
  const [users, setUsers] = useState('')
  const wrongDuration = duration.trim() !== '' && parseDuration(duration.trim()) === null
  const [eventsMore, usersMore] = [countOf(events), countOf(users)]
  const nothing = duration.trim() === '' && eventsMore === undefined && usersMore === undefined
  const wrong = wrongDuration || eventsMore === null || usersMore === null
  const submit = () => {
    if (wrong || nothing) return
    onIgnore({
      ...(duration.trim() !== '' && { duration: duration.trim() }),
      ...(eventsMore != null && { events: eventsMore }),
      ...(usersMore != null && { users: usersMore }),
    })
  }
  return (
    <form
      className={styles.form}
      onSubmit={(event) => {
        event.preventDefault()
        submit()
      }}
    >
      <h3>{i.title}</h3>
      <div className={styles.choices}>
        {durations.map((text, index) => (
          <Button
            key={text}
            variant="default"
            size="compact-xs"
            data-autofocus={index === 0 || undefined}
            onClick={() => onIgnore({ duration: text })}
          >
            {i.for(text)}
          </Button>
        ))}
        {counts.map((n) => (
          <Button key={n} variant="default" size="compact-xs" onClick={() => onIgnore({ events: n })}>
            {i.events(n)}
          </Button>
        ))}
        <Button variant="default" size="compact-xs" onClick={() => onIgnore({ users: 10 })}>
          {i.users(10)}
        </Button>
        <Button variant="default" size="compact-xs" onClick={() => onIgnore(null)}>
          {i.forever}
        </Button>
      </div>
      <p>{i.custom}</p>
      <div className={styles.fields}>
        <TextInput
          size="xs"
          label={i.duration}
          placeholder="12h"
          value={duration}
          error={wrongDuration}
          onChange={(event) => setDuration(event.currentTarget.value)}
        />
        <TextInput
          size="xs"
          label={i.moreEvents}
          placeholder="50"
          inputMode="numeric"
          value={events}
          error={eventsMore === null}
          onChange={(event) => setEvents(event.currentTarget.value)}
        />
        <TextInput
          size="xs"
          label={i.moreUsers}
          placeholder="5"
          inputMode="numeric"
          value={users}
          error={usersMore === null}
          onChange={(event) => setUsers(event.currentTarget.value)}
        />
      </div>
      <Button type="submit" disabled={wrong || nothing}>
        {i.submit}
      </Button>
    </form>
  )
}
