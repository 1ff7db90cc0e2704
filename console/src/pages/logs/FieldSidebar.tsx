import { ActionIcon, TextInput, Tooltip } from '@mantine/core'
import { IconChevronDown, IconChevronRight, IconColumns, IconSearch } from '@tabler/icons-react'
import { useState } from 'react'
import { useMessages } from '@/i18n'
import { rankMatches } from '@/lib/fuzzy'
import type { LogLine } from '@/lib/logLine'
import type { Field } from '@/lib/logql/edit'
import { formatCount } from '@/lib/units'
import styles from './FieldSidebar.module.css'
import { FieldValues } from './FieldValues'
import { useFields, type KnownField } from './useFields'

interface FieldSidebarProps {
  readonly query: string
  readonly lines: readonly LogLine[]
  readonly columns: readonly string[]
  readonly onColumn: (name: string) => void
  readonly onFilter: (field: Field, op: '=' | '!=') => void
}

/** More names than this are not read; the search narrows them. */
const namesMax = 300

const origins = ['stream', 'structured', 'parsed'] as const

/** The fields there are; each opens to its most frequent values. */
export function FieldSidebar({ query, lines, columns, onColumn, onFilter }: FieldSidebarProps) {
  const l = useMessages('logs').logs
  const fields = useFields(query, lines)
  const [text, setText] = useState('')
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set())
  const found = rankMatches(fields, text, ({ name }) => name, namesMax)
  const toggle = (name: string) =>
    setOpen((old) => {
      const next = new Set(old)
      if (!next.delete(name)) next.add(name)
      return next
    })
  return (
    <aside className={styles.sidebar} aria-label={l.fields}>
      <TextInput
        size="xs"
        leftSection={<IconSearch size={14} />}
        placeholder={l.sidebar.search}
        aria-label={l.sidebar.search}
        value={text}
        onChange={(event) => setText(event.currentTarget.value)}
      />
      {found.length === 0 && text !== '' && <p className={styles.note}>{l.sidebar.none}</p>}
      {origins.map((origin) => {
        const group = found.filter((field) => field.origin === origin)
        if (group.length === 0) return null
        return (
          <section key={origin}>
            <h3>{l.groups[origin]}</h3>
            <ul>
              {group.map((field) => (
                <li key={field.name}>
                  <FieldItem
                    field={field}
                    open={open.has(field.name)}
                    column={columns.includes(field.name)}
                    onToggle={() => toggle(field.name)}
                    onColumn={() => onColumn(field.name)}
                  />
                  {open.has(field.name) && (
                    <FieldValues field={field} query={query} lines={lines} onFilter={onFilter} />
                  )}
                </li>
              ))}
            </ul>
          </section>
        )
      })}
    </aside>
  )
}

interface FieldItemProps {
  readonly field: KnownField
  readonly open: boolean
  readonly column: boolean
  readonly onToggle: () => void
  readonly onColumn: () => void
}

function FieldItem({ field, open, column, onToggle, onColumn }: FieldItemProps) {
  const l = useMessages('logs').logs
  const Arrow = open ? IconChevronDown : IconChevronRight
  const label = column ? l.removeColumn(field.name) : l.addColumn(field.name)
  return (
    <div className={styles.item}>
      <button type="button" aria-expanded={open} onClick={onToggle}>
        <Arrow size={13} aria-hidden />
        <span className="clip" title={field.name}>
          {field.name}
        </span>
        {field.distinct !== null && <em aria-hidden>{formatCount(field.distinct)}</em>}
      </button>
      <Tooltip label={label}>
        <ActionIcon
          size="xs"
          className={styles.column}
          aria-label={label}
          aria-pressed={column}
          onClick={onColumn}
        >
          <IconColumns size={13} />
        </ActionIcon>
      </Tooltip>
    </div>
  )
}
