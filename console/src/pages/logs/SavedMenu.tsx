import { ActionIcon, Button, Menu, TextInput } from '@mantine/core'
import { IconBookmark, IconTrash } from '@tabler/icons-react'
import { useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import { useMessages } from '@/i18n'
import { one } from '@/lib/search'
import { stored } from '@/state/stored'
import { say } from '@/state/toasts'
import { lineViews, type LogsState } from './logsSearch'
import styles from './SavedMenu.module.css'

interface Saved {
  readonly name: string
  readonly query: string
  readonly columns: readonly string[]
  readonly view: LogsState['view']
}

const savedMax = 200

/** Searches by name, with their columns; in this browser. The range of time is that of the moment. */
const saved = stored<readonly Saved[]>('saved-logs', (raw) =>
  Array.isArray(raw)
    ? raw.flatMap((entry: unknown): Saved[] => {
        if (typeof entry !== 'object' || entry === null) return []
        const { name, query, columns, view } = entry as Record<string, unknown>
        if (typeof name !== 'string' || typeof query !== 'string') return []
        const names = Array.isArray(columns) ? columns.filter((c): c is string => typeof c === 'string') : []
        return [{ name, query, columns: names, view: lineViews.find((v) => v === one(view)) ?? 'line' }]
      })
    : [],
)

interface SavedMenuProps {
  readonly query: string
  readonly state: LogsState
}

export function SavedMenu({ query, state }: SavedMenuProps) {
  const s = useMessages('logs').logs.saved
  const navigate = useNavigate()
  const entries = saved.use()
  const [name, setName] = useState('')
  const save = () => {
    const wanted = name.trim()
    if (wanted === '' || query === '') return
    const entry: Saved = { name: wanted, query, columns: state.columns, view: state.view }
    saved.set([entry, ...entries.filter((other) => other.name !== wanted)].slice(0, savedMax))
    setName('')
    say(s.done)
  }
  const open = ({ query: q, columns, view }: Saved) =>
    void navigate({
      to: '/logs',
      search: (old) => ({
        ...old,
        q,
        line: undefined,
        col: columns.length === 0 ? undefined : [...columns],
        view: view === 'line' ? undefined : view,
      }),
    })
  return (
    <Menu position="bottom-start" withinPortal width={420} trapFocus={false}>
      <Menu.Target>
        <Button variant="subtle" color="gray" leftSection={<IconBookmark size={15} />}>
          {s.title}
        </Button>
      </Menu.Target>
      <Menu.Dropdown className={styles.menu}>
        <form
          className={styles.form}
          onSubmit={(event) => {
            event.preventDefault()
            save()
          }}
        >
          <TextInput
            size="xs"
            className={styles.name}
            placeholder={s.name}
            aria-label={s.name}
            value={name}
            onChange={(event) => setName(event.currentTarget.value)}
            onKeyDown={(event) => event.stopPropagation()}
          />
          <Button type="submit" disabled={name.trim() === '' || query === ''}>
            {s.save}
          </Button>
        </form>
        <Menu.Divider />
        {entries.length === 0 && <p className={styles.note}>{s.empty}</p>}
        {entries.map((entry) => (
          <div key={entry.name} className={styles.row}>
            <Menu.Item onClick={() => open(entry)}>
              {entry.name}
              <code className={`${styles.query} mono clip`}>{entry.query}</code>
            </Menu.Item>
            <ActionIcon
              size="sm"
              aria-label={s.remove(entry.name)}
              onClick={() => saved.set(entries.filter((other) => other !== entry))}
            >
              <IconTrash size={14} />
            </ActionIcon>
          </div>
        ))}
      </Menu.Dropdown>
    </Menu>
  )
}
