import { Button } from '@mantine/core'
import { useInfiniteQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useMemo } from 'react'
import { issueEvents, type EventLine, type IssueDocument } from '@/api/issue'
import { errorsKey } from '@/components/issues/useIssueActions'
import { VirtualTable, type TableColumn } from '@/components/VirtualTable'
import { useMessages } from '@/i18n'
import { exactTimeText } from '@/lib/clockText'
import { errorText } from '@/lib/serverError'
import { useTimeState } from '@/state/timeSearch'
import styles from './IssuePage.module.css'

const pageEvents = 200

interface EventsTabProps {
  readonly issue: IssueDocument
  readonly onEvent: (id: string) => void
}

/** All events of an issue that are stored, the newest first. */
export function EventsTab({ issue, onEvent }: EventsTabProps) {
  const i = useMessages('issue').issue
  const { zone } = useTimeState()
  const asked = useInfiniteQuery({
    queryKey: [...errorsKey, 'events', issue.id],
    initialPageParam: undefined as string | undefined,
    queryFn: ({ signal, pageParam }) => issueEvents(issue.id, pageParam, pageEvents, signal),
    getNextPageParam: (last) => last.next ?? undefined,
  })
  const rows = useMemo(() => (asked.data?.pages ?? []).flatMap((page) => page.events), [asked.data])
  const columns = useMemo((): TableColumn<EventLine>[] => {
    const words = (key: keyof EventLine, title: string, width: string): TableColumn<EventLine> => ({
      key,
      title,
      width,
      value: (row) => String(row[key]),
      cell: (row) => <span title={String(row[key])}>{row[key]}</span>,
    })
    return [
      {
        key: 'time',
        title: i.columns.time,
        width: '175px',
        value: (row) => row.time,
        cell: (row) => exactTimeText(row.time, zone),
      },
      words('title', i.columns.title, 'minmax(200px, 2fr)'),
      words('release', i.columns.release, 'minmax(90px, 1fr)'),
      words('environment', i.columns.environment, '110px'),
      words('user', i.columns.user, 'minmax(80px, 1fr)'),
      words('transaction', i.columns.transaction, 'minmax(90px, 1fr)'),
      {
        key: 'trace',
        title: i.columns.trace,
        width: '90px',
        value: (row) => row.traceId,
        cell: (row) =>
          row.traceId === '' ? (
            ''
          ) : (
            <Link
              className={styles.traceLink}
              to="/traces/$id"
              params={{ id: row.traceId }}
              onClick={(event) => event.stopPropagation()}
            >
              {row.traceId.slice(0, 8)}
            </Link>
          ),
      },
    ]
  }, [i, zone])
  if (asked.error !== null) return <p role="alert">{errorText(asked.error.message)}</p>
  return (
    <>
      <VirtualTable
        label={i.tabs.events}
        rows={rows}
        columns={columns}
        rowKey={(row) => row.id}
        initialSort={{ key: 'time', descending: true }}
        height={620}
        minWidth={860}
        onRow={(row) => onEvent(row.id)}
      />
      <footer className={styles.tableEnd}>
        <span className="muted">{i.eventsShown(rows.length, issue.events)}</span>
        {asked.hasNextPage && (
          <Button
            variant="default"
            loading={asked.isFetchingNextPage}
            onClick={() => void asked.fetchNextPage()}
          >
            {i.moreEvents}
          </Button>
        )}
      </footer>
    </>
  )
}
