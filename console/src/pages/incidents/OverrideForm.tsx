import { Autocomplete, Button, TextInput } from '@mantine/core'
import { useState } from 'react'
import { addOverride } from '@/api/oncall'
import { ErrorText } from '@/components/watch/kit'
import { dateTimeText } from '@/lib/clockText'
import { errorText } from '@/lib/serverError'
import { parseTimePoint } from '@/lib/time'
import { author } from '@/state/author'
import { useTimeState } from '@/state/timeSearch'
import { say } from '@/state/toasts'
import styles from './incidents.module.css'
import { useWords } from './words'

interface OverrideFormProps {
  readonly schedule: string
  readonly people: readonly string[]
  readonly from: number
  readonly to: number
  readonly onDone: () => void
}

/** Who stands in for whoever would have the turn, from when, until when. */
export function OverrideForm({ schedule, people, from, to, onDone }: OverrideFormProps) {
  const w = useWords()
  const o = w.oncall
  const { zone } = useTimeState()
  const me = author.use()
  const [person, setPerson] = useState(people.includes(me) ? me : '')
  const [begin, setBegin] = useState(dateTimeText(from, zone).slice(0, 16))
  const [end, setEnd] = useState(dateTimeText(to, zone).slice(0, 16))
  const [comment, setComment] = useState('')
  const [wrong, setWrong] = useState<string | null>(null)
  const [busy, setBusy] = useState(false)
  const moment = (text: string): number | null => {
    const point = parseTimePoint(text.length === 16 ? `${text}:00` : text, zone)
    return point?.kind === 'absolute' ? point.at : null
  }
  const save = async () => {
    const [a, b] = [moment(begin), moment(end)]
    if (person.trim() === '') {
      setWrong(o.who)
      return
    }
    if (a === null || b === null || a >= b) {
      setWrong(o.order)
      return
    }
    setBusy(true)
    setWrong(null)
    try {
      await addOverride({ schedule, person: person.trim(), from: a, to: b, by: me, comment })
      say(o.saved)
      onDone()
    } catch (cause) {
      setWrong(errorText(cause instanceof Error ? cause.message : String(cause)))
    }
    setBusy(false)
    return undefined
  }
  return (
    <form
      className={styles.card}
      aria-label={o.addTitle(schedule)}
      onSubmit={(event) => {
        event.preventDefault()
        void save()
      }}
    >
      <Autocomplete
        data-autofocus
        label={o.person}
        data={[...people]}
        value={person}
        spellCheck={false}
        onChange={setPerson}
      />
      <TextInput
        label={o.from}
        value={begin}
        spellCheck={false}
        onChange={(event) => setBegin(event.currentTarget.value)}
      />
      <TextInput
        label={o.to}
        value={end}
        spellCheck={false}
        onChange={(event) => setEnd(event.currentTarget.value)}
      />
      <TextInput
        label={o.comment}
        value={comment}
        onChange={(event) => setComment(event.currentTarget.value)}
      />
      {wrong !== null && <ErrorText>{wrong}</ErrorText>}
      <Button type="submit" loading={busy}>
        {o.save}
      </Button>
    </form>
  )
}
