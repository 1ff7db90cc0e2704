import { ActionIcon, Button, Select, SegmentedControl, TextInput, Tooltip } from '@mantine/core'
import { IconChartHistogram, IconFilter, IconLink, IconSearch, IconSend, IconX } from '@tabler/icons-react'
import { useEffect, useRef, useState } from 'react'
import { useCopy } from '@/components/useCopy'
import { useMessages } from '@/i18n'
import { formatCount } from '@/lib/units'
import { eventFacets, eventSeverities } from '@/state/eventsSearch'
import styles from './EventFilters.module.css'
import { linkTo } from './eventLink'
import type { EventsState } from './eventsState'
import { useRangeNow } from './useRangeNow'

interface EventFiltersProps {
  readonly state: EventsState
  readonly total: number | null
  readonly teaching: boolean
  readonly onTeach: () => void
  readonly onDerive: () => void
  /** Whether the facets are shown, where they are not always. */
  readonly facets: boolean | null
  readonly onFacets: () => void
}

/** What waits before typing counts as a question. */
const typingMs = 350

export function EventFilters(props: EventFiltersProps) {
  const { state, total, facets } = props
  const e = useMessages('events').events
  const { search, change, toggle, clear, filtered } = state
  const copy = useCopy()
  const rangeNow = useRangeNow()
  const [attribute, setAttribute] = useState('')
  const pair = attribute.trim().replace(/\s*[=:]\s*/, ':')
  const valid = /^[^:]+:.+$/.test(pair)
  const addAttribute = () => {
    if (!valid) return
    if (search.attr?.includes(pair) !== true) toggle('attr', pair)
    setAttribute('')
  }
  const chips = [
    ...eventFacets.flatMap(([name]) => (search[name] ?? []).map((value) => ({ name, value }))),
    ...(search.attr ?? []).map((value) => ({ name: 'attr' as const, value })),
  ]
  return (
    <section className={styles.filters} aria-label={e.filters}>
      <div className={styles.row}>
        <SearchText value={search.text ?? ''} onChange={(text) => change({ text })} />
        <Select
          size="sm"
          w={150}
          aria-label={e.severity}
          value={search.severity ?? ''}
          onChange={(value) => change({ severity: eventSeverities.find((severity) => severity === value) })}
          data={[
            { value: '', label: e.anySeverity },
            ...eventSeverities.map((value) => ({ value, label: e.atLeast(e.severities[value] ?? value) })),
          ]}
          allowDeselect={false}
        />
        <TextInput
          className={styles.attribute}
          aria-label={e.attribute}
          placeholder={e.attributePlaceholder}
          value={attribute}
          onChange={(event) => setAttribute(event.currentTarget.value)}
          onKeyDown={(event) => event.key === 'Enter' && addAttribute()}
          error={attribute !== '' && !valid && attribute.length > 40 ? e.attributeHint : null}
        />
        <SegmentedControl
          size="xs"
          aria-label={e.lanesBy}
          value={search.by ?? 'kind'}
          onChange={(by) => change({ by: by === 'service' ? 'service' : undefined })}
          data={[
            { value: 'kind', label: e.byKind },
            { value: 'service', label: e.byService },
          ]}
        />
        <span className={styles.end}>
          {facets !== null && (
            <Button
              variant="default"
              leftSection={<IconFilter size={15} />}
              aria-expanded={facets}
              onClick={props.onFacets}
            >
              {e.facets}
            </Button>
          )}
          <Button
            variant="subtle"
            color="gray"
            leftSection={<IconChartHistogram size={15} />}
            onClick={props.onDerive}
          >
            {e.derive}
          </Button>
          <Button
            variant="subtle"
            color="gray"
            leftSection={<IconSend size={15} />}
            aria-expanded={props.teaching}
            onClick={props.onTeach}
          >
            {e.send}
          </Button>
          <Tooltip label={e.link}>
            <ActionIcon
              size="lg"
              aria-label={e.link}
              onClick={() => void copy(linkTo(search, rangeNow()), e.linkCopied)}
            >
              <IconLink size={16} />
            </ActionIcon>
          </Tooltip>
        </span>
      </div>
      <div className={styles.chips}>
        <span role="status" className={styles.total}>
          {total === null ? '' : e.total(total, formatCount(total))}
        </span>
        {chips.map(({ name, value }) => (
          <button
            key={`${name}:${value}`}
            type="button"
            className={styles.chip}
            aria-label={e.remove(e.facetNames[name], value)}
            onClick={() => toggle(name, value)}
          >
            <em>{name === 'attr' ? '' : `${e.facetNames[name]}: `}</em>
            <span className="clip">{value}</span>
            <IconX size={12} aria-hidden />
          </button>
        ))}
        {filtered && (
          <Button variant="subtle" size="compact-xs" color="gray" onClick={clear}>
            {e.clear}
          </Button>
        )}
      </div>
    </section>
  )
}

interface SearchTextProps {
  readonly value: string
  readonly onChange: (text: string | undefined) => void
}

function SearchText({ value, onChange }: SearchTextProps) {
  const e = useMessages('events').events
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
      className={styles.text}
      data-main-input
      aria-label={e.search}
      placeholder={e.search}
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
