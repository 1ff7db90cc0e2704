import { Button } from '@mantine/core'
import { IconFlameOff } from '@tabler/icons-react'
import type { ErrorComponentProps } from '@tanstack/react-router'
import { useMessages } from '@/i18n'
import { Message } from './Message'

/** The error boundary of a screen; navigation around it keeps working. */
export function Crash({ error }: ErrorComponentProps) {
  const t = useMessages()
  return (
    <Message
      icon={<IconFlameOff size={40} stroke={1.4} />}
      title={t.errors.crashed}
      actions={<Button onClick={() => window.location.reload()}>{t.errors.reload}</Button>}
    >
      <p>{t.errors.crashedHint}</p>
      <code className="mono">{error instanceof Error ? error.message : String(error)}</code>
    </Message>
  )
}
