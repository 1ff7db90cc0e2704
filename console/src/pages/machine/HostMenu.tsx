import { Select } from '@mantine/core'
import { useMessages } from '@/i18n'

interface HostMenuProps {
  readonly hosts: readonly string[]
  readonly host: string
  readonly onHost: (host: string) => void
}

/** Which of several hosts is shown. */
export function HostMenu({ hosts, host, onHost }: HostMenuProps) {
  const t = useMessages('machine')
  return (
    <Select
      aria-label={t.machine.host}
      data={[...hosts]}
      value={host}
      onChange={(value) => value !== null && onHost(value)}
      allowDeselect={false}
      searchable={hosts.length > 8}
      size="xs"
    />
  )
}
