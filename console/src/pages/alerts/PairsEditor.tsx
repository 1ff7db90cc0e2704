import { ActionIcon, Button, Textarea, TextInput } from '@mantine/core'
import { IconPlus, IconTrash } from '@tabler/icons-react'
import { useState } from 'react'
import type { Labels } from '@/api/types'
import { useMessages } from '@/i18n'
import styles from './PairsEditor.module.css'

interface PairsEditorProps {
  readonly title: string
  readonly add: string
  readonly pairs: Labels
  readonly onPairs: (pairs: Labels) => void
  /** Texts of several lines. */
  readonly tall?: boolean
}

type Pair = readonly [name: string, value: string]

/** Names and texts, row by row; rows without a name count for nothing. */
export function PairsEditor({ title, add, pairs, onPairs, tall = false }: PairsEditorProps) {
  const e = useMessages('alerts').alerts.editor
  const [rows, setRows] = useState<readonly Pair[]>(() => Object.entries(pairs))
  const set = (next: readonly Pair[]) => {
    setRows(next)
    onPairs(Object.fromEntries(next.filter(([name]) => name.trim() !== '')))
  }
  const change = (at: number, pair: Pair) => set(rows.map((row, index) => (index === at ? pair : row)))
  return (
    <fieldset className={styles.pairs}>
      <legend>{title}</legend>
      {rows.map(([name, value], at) => (
        <div key={at} className={styles.row}>
          <TextInput
            aria-label={`${title}: ${e.key}`}
            placeholder={e.key}
            value={name}
            spellCheck={false}
            onChange={(event) => change(at, [event.currentTarget.value, value])}
          />
          {tall ? (
            <Textarea
              aria-label={`${title}: ${e.value}`}
              placeholder={e.value}
              value={value}
              autosize
              minRows={1}
              maxRows={8}
              onChange={(event) => change(at, [name, event.currentTarget.value])}
            />
          ) : (
            <TextInput
              aria-label={`${title}: ${e.value}`}
              placeholder={e.value}
              value={value}
              spellCheck={false}
              onChange={(event) => change(at, [name, event.currentTarget.value])}
            />
          )}
          <ActionIcon
            mt={3}
            aria-label={e.remove(name)}
            title={e.remove(name)}
            onClick={() => set(rows.filter((_, index) => index !== at))}
          >
            <IconTrash size={15} />
          </ActionIcon>
        </div>
      ))}
      <div>
        <Button
          variant="subtle"
          color="gray"
          leftSection={<IconPlus size={14} />}
          onClick={() => set([...rows, ['', '']])}
        >
          {add}
        </Button>
      </div>
    </fieldset>
  )
}
