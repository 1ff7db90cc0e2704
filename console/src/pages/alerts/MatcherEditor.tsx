import { ActionIcon, Autocomplete, Button } from '@mantine/core'
import { IconPlus, IconTrash } from '@tabler/icons-react'
import { useMemo, type ClipboardEvent } from 'react'
import { toldAlerts, type Matcher } from '@/api/alerting'
import { useMessages } from '@/i18n'
import {
  equality,
  matchOperators,
  operatorOf,
  parseMatchers,
  withOperator,
  type MatchOperator,
} from '@/lib/alertMatchers'
import styles from './MatcherEditor.module.css'
import { useCurrent } from './useAlerts'

interface MatcherEditorProps {
  readonly matchers: readonly Matcher[]
  readonly onMatchers: (matchers: readonly Matcher[]) => void
}

/** Beyond this a list of values is not read. */
const offeredMax = 60

/** Conditions row by row, with the labels and values of the alerts of now. */
export function MatcherEditor({ matchers, onMatchers }: MatcherEditorProps) {
  const s = useMessages('alerts').alerts.silences
  const told = useCurrent(['told'], toldAlerts, { slowest: 5000 })
  const known = useMemo(() => {
    const values = new Map<string, Set<string>>()
    for (const { labels } of told.data ?? [])
      for (const [name, value] of Object.entries(labels)) {
        const same = values.get(name)
        if (same === undefined) values.set(name, new Set([value]))
        else if (same.size < 1000) same.add(value)
      }
    return values
  }, [told.data])
  const names = useMemo(() => [...known.keys()].sort(), [known])
  const change = (at: number, matcher: Matcher) =>
    onMatchers(matchers.map((old, index) => (index === at ? matcher : old)))
  // Whoever pastes conditions as text gets their rows.
  const paste = (at: number) => (event: ClipboardEvent) => {
    const parsed = parseMatchers(event.clipboardData.getData('text'))
    if (!('matchers' in parsed) || parsed.matchers.length === 0) return
    event.preventDefault()
    const others = matchers.filter(({ name }, index) => index !== at && name !== '')
    onMatchers([...others, ...parsed.matchers])
  }
  return (
    <fieldset className={styles.matchers}>
      <legend>{s.matchers}</legend>
      {matchers.map((matcher, at) => (
        <div key={at} className={styles.row}>
          <Autocomplete
            aria-label={s.matcherName}
            placeholder={s.matcherName}
            data={names}
            limit={offeredMax}
            value={matcher.name}
            spellCheck={false}
            autoFocus={at === 0 && matcher.name === ''}
            onPaste={paste(at)}
            onChange={(name) => change(at, { ...matcher, name })}
          />
          <select
            aria-label={s.matcherOp}
            value={operatorOf(matcher)}
            onChange={(event) =>
              change(at, withOperator(matcher, event.currentTarget.value as MatchOperator))
            }
          >
            {matchOperators.map((op) => (
              <option key={op}>{op}</option>
            ))}
          </select>
          <Autocomplete
            aria-label={s.matcherValue}
            placeholder={s.matcherValue}
            data={[...(known.get(matcher.name) ?? [])].sort()}
            limit={offeredMax}
            value={matcher.value}
            spellCheck={false}
            onChange={(value) => change(at, { ...matcher, value })}
          />
          <ActionIcon
            aria-label={s.removeMatcher}
            title={s.removeMatcher}
            disabled={matchers.length === 1}
            onClick={() => onMatchers(matchers.filter((_, index) => index !== at))}
          >
            <IconTrash size={15} />
          </ActionIcon>
        </div>
      ))}
      <div className={styles.foot}>
        <Button
          variant="subtle"
          color="gray"
          leftSection={<IconPlus size={14} />}
          onClick={() => onMatchers([...matchers, equality('', '')])}
        >
          {s.addMatcher}
        </Button>
        <span className="muted">{s.matchersHelp}</span>
      </div>
    </fieldset>
  )
}
