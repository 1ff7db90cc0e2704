import { ActionIcon, Button, Menu, TextInput, Tooltip } from '@mantine/core'
import {
  IconArrowDown,
  IconArrowUp,
  IconArrowsMaximize,
  IconFilter,
  IconFold,
  IconRoute,
  IconSearch,
} from '@tabler/icons-react'
import { useEffect, useState } from 'react'
import { useMessages } from '@/i18n'
import { formatCount } from '@/lib/units'
import styles from './TracePage.module.css'
import type { TraceView } from './view'

interface ToolbarProps {
  readonly view: TraceView
  readonly change: (change: Partial<TraceView>) => void
  readonly matches: readonly number[]
  /** Which of the matches is chosen; -1 if none is. */
  readonly match: number
  readonly errors: number
  readonly only: boolean
  readonly onOnly: (only: boolean) => void
  readonly onMatch: (by: 1 | -1) => void
  readonly onError: (by: 1 | -1) => void
  /** Folds what is deeper than so many levels; 0 unfolds all. */
  readonly onFold: (depth: number) => void
}

/** Search waits so long for the next letter. */
const typingMs = 150

export function Toolbar(props: ToolbarProps) {
  const { view, change, matches, match, errors, only, onOnly, onMatch, onError, onFold } = props
  const t = useMessages('trace').trace
  const [text, setText] = useState(view.find)
  useEffect(() => {
    if (text === view.find) return undefined
    const timer = window.setTimeout(() => change({ find: text }), typingMs)
    return () => window.clearTimeout(timer)
  }, [text, view.find, change])
  return (
    <div className={styles.toolbar}>
      <TextInput
        size="xs"
        w={230}
        data-main-input
        leftSection={<IconSearch size={14} />}
        placeholder={t.find}
        aria-label={t.find}
        value={text}
        onChange={(event) => setText(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === 'Enter') {
            event.preventDefault()
            onMatch(event.shiftKey ? -1 : 1)
          } else if (event.key === 'Escape') {
            setText('')
            event.currentTarget.blur()
          }
        }}
      />
      {view.find !== '' && (
        <>
          <span className={styles.found} role="status">
            {t.found(match + 1, formatCount(matches.length))}
          </span>
          <Tooltip label={t.previousMatch}>
            <ActionIcon
              aria-label={t.previousMatch}
              disabled={matches.length === 0}
              onClick={() => onMatch(-1)}
            >
              <IconArrowUp size={15} />
            </ActionIcon>
          </Tooltip>
          <Tooltip label={t.nextMatch}>
            <ActionIcon aria-label={t.nextMatch} disabled={matches.length === 0} onClick={() => onMatch(1)}>
              <IconArrowDown size={15} />
            </ActionIcon>
          </Tooltip>
          <Button
            variant="subtle"
            color={only ? 'ember' : 'gray'}
            leftSection={<IconFilter size={14} />}
            aria-pressed={only}
            onClick={() => onOnly(!only)}
          >
            {t.onlyMatches}
          </Button>
        </>
      )}
      {errors > 0 && (
        <Button variant="subtle" className={styles.errors} onClick={() => onError(1)}>
          {t.nextError(formatCount(errors))}
        </Button>
      )}
      <div className={styles.end}>
        {view.zoom !== null && (
          <Button
            variant="subtle"
            leftSection={<IconArrowsMaximize size={14} />}
            onClick={() => change({ zoom: null })}
          >
            {t.whole}
          </Button>
        )}
        <Button
          variant="subtle"
          color={view.path ? 'ember' : 'gray'}
          leftSection={<IconRoute size={15} />}
          aria-pressed={view.path}
          onClick={() => change({ path: !view.path })}
        >
          {t.path}
        </Button>
        <Menu position="bottom-end" withinPortal>
          <Menu.Target>
            <Button variant="subtle" color="gray" leftSection={<IconFold size={15} />}>
              {t.folding}
            </Button>
          </Menu.Target>
          <Menu.Dropdown>
            <Menu.Item onClick={() => onFold(0)}>{t.unfoldAll}</Menu.Item>
            {[1, 2, 3, 5, 8].map((depth) => (
              <Menu.Item key={depth} onClick={() => onFold(depth)}>
                {t.levels(depth)}
              </Menu.Item>
            ))}
          </Menu.Dropdown>
        </Menu>
      </div>
    </div>
  )
}
