import { Button, TextInput } from '@mantine/core'
import { useState } from 'react'
import { useMessages } from '@/i18n'
import { author } from '@/state/author'
import styles from './ActionBar.module.css'

interface AssignFormProps {
  readonly people: readonly string[]
  readonly assigned: string | null
  readonly onAssign: (to: string | null) => void
}

const peopleMax = 50

/** Whose an issue is: one of those that have some, or whoever is named. */
export function AssignForm({ people, assigned, onAssign }: AssignFormProps) {
  const a = useMessages('inbox').inbox.assign
  const me = author.use()
  const [text, setText] = useState('')
  const wanted = text.trim()
  const known = [...new Set([...(me === '' ? [] : [me]), ...people])]
  const matching = known.filter((name) => name.toLowerCase().includes(wanted.toLowerCase()))
  return (
    <form
      className={styles.form}
      onSubmit={(event) => {
        event.preventDefault()
        if (wanted !== '') onAssign(wanted)
      }}
    >
      <h3>{a.title}</h3>
      <TextInput
        size="xs"
        data-autofocus
        aria-label={a.name}
        placeholder={a.name}
        value={text}
        spellCheck={false}
        onChange={(event) => setText(event.currentTarget.value)}
      />
      {matching.length > 0 && (
        <div className={styles.people}>
          {matching.slice(0, peopleMax).map((name) => (
            <button key={name} type="button" aria-pressed={name === assigned} onClick={() => onAssign(name)}>
              {name === me ? a.me(name) : name}
            </button>
          ))}
        </div>
      )}
      <Button type="submit" disabled={wanted === ''}>
        {a.submit}
      </Button>
      {assigned !== null && (
        <Button variant="default" onClick={() => onAssign(null)}>
          {a.nobody}
        </Button>
      )}
      <TextInput
        size="xs"
        label={a.you}
        description={a.youHint}
        value={me}
        spellCheck={false}
        onChange={(event) => author.set(event.currentTarget.value)}
      />
    </form>
  )
}
