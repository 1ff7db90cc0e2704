import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { issueTags, type IssueDocument, type IssueTags, type TagValues } from '@/api/issue'
import { errorsKey } from '@/components/issues/useIssueActions'
import { useMessages } from '@/i18n'
import { formatCount } from '@/lib/units'
import styles from './TagList.module.css'

/** How often which value of each tag is among the newest events of the range. */
export function useTags(issue: IssueDocument) {
  const { id, start, end } = issue
  return useQuery<IssueTags>({
    queryKey: [...errorsKey, 'tags', id, start, end],
    placeholderData: keepPreviousData,
    retry: false,
    queryFn: ({ signal }) => issueTags(id, { from: start, to: end }, signal),
  })
}

/** Names that the list of issues can be narrowed by. */
const searched: Readonly<Record<string, 'release' | 'env' | 'service' | 'level'>> = {
  release: 'release',
  environment: 'env',
  service: 'service',
  level: 'level',
}

interface TagListProps {
  readonly tags: readonly TagValues[]
  readonly valuesMax: number
}

export function TagList({ tags, valuesMax }: TagListProps) {
  const i = useMessages('issue').issue
  return (
    <ul className={styles.tags}>
      {tags.map((tag) => {
        const shown = tag.top.slice(0, valuesMax)
        const rest = tag.events - shown.reduce((sum, { events }) => sum + events, 0)
        const by = searched[tag.name]
        return (
          <li key={tag.name} aria-label={tag.name}>
            <h4>
              {tag.name} <span>{i.distinct(tag.distinct)}</span>
            </h4>
            <ol>
              {shown.map(({ value, events }) => (
                <Bar key={value} events={events} of={tag.events}>
                  {by === undefined ? (
                    value
                  ) : (
                    <Link to="/errors" search={{ [by]: value, status: 'all' }}>
                      {value}
                    </Link>
                  )}
                </Bar>
              ))}
              {rest > 0 && (
                <Bar events={rest} of={tag.events}>
                  <span className="muted">{i.otherValues}</span>
                </Bar>
              )}
            </ol>
          </li>
        )
      })}
    </ul>
  )
}

interface BarProps {
  readonly events: number
  readonly of: number
  readonly children: ReactNode
}

function Bar({ events, of, children }: BarProps) {
  const share = of === 0 ? 0 : events / of
  return (
    <li title={formatCount(events)}>
      <i style={{ width: `${share * 100}%` }} />
      <span className="clip">{children}</span>
      <b>{Math.round(share * 100)}%</b>
    </li>
  )
}
