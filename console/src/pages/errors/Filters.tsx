import { Button, Select, TextInput } from '@mantine/core'
import { IconX } from '@tabler/icons-react'
import { useState } from 'react'
import { issueLevels, issueSorts, type Facets, type IssueList, type IssueStatus } from '@/api/errors'
import { useMessages } from '@/i18n'
import { isNarrowed } from '@/lib/issueQuery'
import { formatCount } from '@/lib/units'
import type { ErrorsSearch } from '@/state/errorSearch'
import styles from './Filters.module.css'

interface FiltersProps {
  readonly search: ErrorsSearch
  readonly found: IssueList | null
  readonly error: string | null
  readonly onSearch: (change: ErrorsSearch) => void
}

const states: readonly (IssueStatus | 'all')[] = ['unresolved', 'ignored', 'resolved', 'all']
const kinds = ['new', 'regressed', 'unhandled'] as const

/** What narrows the list; all of it is in the address. */
export function Filters({ search, found, error, onSearch }: FiltersProps) {
  const t = useMessages('inbox').inbox
  const facets: Facets = found?.facets ?? {}
  const status = search.status ?? 'unresolved'
  const counts = found?.counts
  const countOf = (state: IssueStatus | 'all') =>
    counts === undefined
      ? null
      : state === 'all'
        ? counts.unresolved + counts.ignored + counts.resolved
        : counts[state]
  return (
    <div className={styles.filters} role="group" aria-label={t.filters.label}>
      <div className={styles.row}>
        <div className={styles.states} role="group" aria-label={t.filters.state}>
          {states.map((state) => (
            <button
              key={state}
              type="button"
              aria-pressed={status === state}
              onClick={() => onSearch({ status: state === 'unresolved' ? undefined : state, at: undefined })}
            >
              {t.states[state]} <b>{formatCount(countOf(state))}</b>
            </button>
          ))}
        </div>
        <SearchField
          key={search.q ?? ''}
          value={search.q ?? ''}
          error={error}
          onChange={(q) => onSearch({ q, at: undefined })}
        />
        <Select
          size="xs"
          w={150}
          aria-label={t.filters.sort}
          data={issueSorts.map((sort) => ({ value: sort, label: t.sorts[sort] }))}
          value={search.sort ?? 'last_seen'}
          allowDeselect={false}
          onChange={(sort) =>
            onSearch({ sort: issueSorts.find((known) => known === sort && known !== 'last_seen') })
          }
        />
      </div>
      <div className={styles.row}>
        {kinds.map((kind) => (
          <button
            key={kind}
            type="button"
            className={styles.kind}
            aria-pressed={search.is === kind}
            onClick={() => onSearch({ is: search.is === kind ? undefined : kind, at: undefined })}
          >
            {t.badges[kind]}
          </button>
        ))}
        <Facet name="project" values={facets.project} value={search.project} onSearch={onSearch} />
        <Facet name="service" values={facets.service} value={search.service} onSearch={onSearch} />
        <Select
          size="xs"
          w={104}
          clearable
          aria-label={t.filters.level}
          placeholder={t.filters.level}
          data={issueLevels.map((level) => ({ value: level, label: t.levels[level] }))}
          value={search.level ?? null}
          onChange={(level) => onSearch({ level: issueLevels.find((known) => known === level) })}
          clearButtonProps={{ 'aria-label': t.filters.clear(t.filters.level) }}
        />
        <Facet name="environment" values={facets.environment} value={search.env} onSearch={onSearch} />
        <Facet name="release" values={facets.release} value={search.release} onSearch={onSearch} />
        <Facet name="assigned" values={facets.assigned} value={search.assigned} onSearch={onSearch} />
        {(isNarrowed(search) || search.is !== undefined) && (
          <Button
            variant="subtle"
            color="gray"
            leftSection={<IconX size={14} />}
            onClick={() =>
              onSearch({
                q: undefined,
                is: undefined,
                project: undefined,
                service: undefined,
                level: undefined,
                env: undefined,
                release: undefined,
                assigned: undefined,
                at: undefined,
              })
            }
          >
            {t.filters.reset}
          </Button>
        )}
      </div>
    </div>
  )
}

interface SearchFieldProps {
  readonly value: string
  readonly error: string | null
  readonly onChange: (q: string | undefined) => void
}

function SearchField({ value, error, onChange }: SearchFieldProps) {
  const t = useMessages('inbox').inbox
  const [text, setText] = useState(value)
  const commit = (next: string) => {
    if (next.trim() !== value) onChange(next.trim() === '' ? undefined : next.trim())
  }
  return (
    <TextInput
      data-main-input
      size="xs"
      className={styles.search}
      aria-label={t.filters.text}
      placeholder={t.filters.placeholder}
      title={t.filters.help}
      value={text}
      spellCheck={false}
      error={error}
      onChange={(event) => setText(event.currentTarget.value)}
      onBlur={() => commit(text)}
      onKeyDown={(event) => {
        if (event.key === 'Enter') commit(text)
        if (event.key === 'Escape') event.currentTarget.blur()
      }}
    />
  )
}

interface FacetProps {
  readonly name: 'project' | 'service' | 'environment' | 'release' | 'assigned'
  readonly values: readonly (readonly [string, number])[] | undefined
  readonly value: string | undefined
  readonly onSearch: (change: ErrorsSearch) => void
}

/** One of the values that issues of the range have. */
function Facet({ name, values = [], value, onSearch }: FacetProps) {
  const t = useMessages('inbox').inbox
  const label = t.filters[name]
  const known = values.map(([text, issues]) => ({ value: text, label: `${text} (${formatCount(issues)})` }))
  const all = name === 'assigned' ? [{ value: '-', label: t.filters.nobody }, ...known] : known
  const shown =
    value === undefined || all.some((each) => each.value === value) ? all : [{ value, label: value }, ...all]
  return (
    <Select
      size="xs"
      w={name === 'release' ? 170 : 140}
      searchable
      clearable
      limit={100}
      aria-label={label}
      placeholder={label}
      data={shown}
      value={value ?? null}
      nothingFoundMessage={t.filters.none}
      clearButtonProps={{ 'aria-label': t.filters.clear(label) }}
      onChange={(next) =>
        onSearch({ [name === 'environment' ? 'env' : name]: next ?? undefined, at: undefined })
      }
    />
  )
}
