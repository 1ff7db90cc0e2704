import { TextInput } from '@mantine/core'
import { IconSearch } from '@tabler/icons-react'
import { useEffect, useRef, useState } from 'react'

/** What waits before typing counts as a question. */
const typingMs = 350

interface SearchTextProps {
  readonly label: string
  readonly value: string
  readonly onChange: (text: string | undefined) => void
  readonly className?: string | undefined
}

/** The words that a screen searches for: asked for a moment after typing, or with Enter. */
export function SearchText({ label, value, onChange, className }: SearchTextProps) {
  const [text, setText] = useState(value)
  const [sent, setSent] = useState(value)
  // Going back, or a link, replaces what was typed.
  if (sent !== value) {
    setSent(value)
    setText(value)
  }
  const timer = useRef(0)
  useEffect(() => () => window.clearTimeout(timer.current), [])
  const commit = (next: string) => {
    window.clearTimeout(timer.current)
    setSent(next.trim())
    onChange(next.trim() === '' ? undefined : next.trim())
  }
  return (
    <TextInput
      {...(className === undefined ? {} : { className })}
      data-main-input
      aria-label={label}
      placeholder={label}
      leftSection={<IconSearch size={15} />}
      value={text}
      onChange={(event) => {
        const next = event.currentTarget.value
        setText(next)
        window.clearTimeout(timer.current)
        timer.current = window.setTimeout(() => commit(next), typingMs)
      }}
      onKeyDown={(event) => {
        if (event.key === 'Enter') commit(text)
        if (event.key === 'Escape') event.currentTarget.blur()
      }}
    />
  )
}
