import { Button } from '@mantine/core'
import { IconMapQuestion } from '@tabler/icons-react'
import { Link } from '@tanstack/react-router'
import { useMessages } from '@/i18n'
import { Message } from './Message'

export function NotFound() {
  const t = useMessages()
  return (
    <Message
      icon={<IconMapQuestion size={40} stroke={1.4} />}
      title={t.errors.notFound}
      actions={<Button renderRoot={(props) => <Link {...props} to="/" />}>{t.errors.home}</Button>}
    >
      {t.errors.notFoundHint}
    </Message>
  )
}
