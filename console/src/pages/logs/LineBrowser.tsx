import { ActionIcon, Button, SegmentedControl, Tooltip } from '@mantine/core'
import { useMediaQuery } from '@mantine/hooks'
import {
  IconBroadcast,
  IconLayoutSidebar,
  IconSortAscending,
  IconSortDescending,
  IconWand,
} from '@tabler/icons-react'
import { lazy, Suspense, useMemo, useState, type ReactNode } from 'react'
import { useMessages } from '@/i18n'
import { formatOf, type LogLine } from '@/lib/logLine'
import { addParser, filterBy, filterLines, parses, type Field } from '@/lib/logql/edit'
import { searchedTexts } from '@/lib/logql/shape'
import { stored } from '@/state/stored'
import { FieldSidebar } from './FieldSidebar'
import styles from './LineBrowser.module.css'
import { LineList } from './LineList'
import { lineViews, type LogsChange, type LogsState } from './logsSearch'
import { useLineKeys } from './useLineKeys'

const ContextView = lazy(() => import('./ContextView').then((m) => ({ default: m.ContextView })))

const sidebarShown = stored('logs-fields', (raw) => raw !== false)

interface LineBrowserProps {
  readonly query: string
  readonly lines: readonly LogLine[]
  readonly state: LogsState
  readonly change: (change: LogsChange) => void
  readonly onQuery: (query: string) => void
  readonly summary: ReactNode
  readonly actions?: ReactNode
  readonly loading: boolean
  /** A line to begin at. */
  readonly focus: string | null
  /** The list goes to its top whenever this changes. */
  readonly top: number
  readonly onEnd: () => void
  /** Called when one leaves the newest lines, and when one is back. */
  readonly onAway: (away: boolean) => void
  /** Floats over the list. */
  readonly above: ReactNode
  readonly footer: ReactNode
  /** Stands in place of the list. */
  readonly instead: ReactNode
}

/** Fields at the left, lines at the right, and what can be done with them. */
export function LineBrowser(props: LineBrowserProps) {
  const { query, lines, state, change, onQuery, summary, loading, focus } = props
  const l = useMessages('logs').logs
  const narrow = useMediaQuery('(width <= 760px)', false, { getInitialValueInEffect: false })
  const preferred = sidebarShown.use()
  const [opened, setOpened] = useState(false)
  const fieldsShown = narrow ? opened : preferred
  const toggleFields = () => (narrow ? setOpened(!opened) : sidebarShown.set(!preferred))
  const [selected, setSelected] = useState<string | null>(focus)
  const [expanded, setExpanded] = useState<ReadonlySet<string>>(() => new Set(focus === null ? [] : [focus]))
  const [around, setAround] = useState<LogLine | null>(null)
  const searched = useMemo(() => searchedTexts(query), [query])
  const format = useMemo(() => (parses(query) ? null : formatOf(lines)), [query, lines])
  const toggle = (id: string) => {
    setSelected(id)
    setExpanded((old) => {
      const next = new Set(old)
      if (!next.delete(id)) next.add(id)
      return next
    })
  }
  const filter = (field: Field, op: '=' | '!=', parser?: 'json') =>
    onQuery(filterBy(parser === undefined ? query : addParser(query, parser), field, op))
  const toggleColumn = (name: string) =>
    change({
      columns: state.columns.includes(name)
        ? state.columns.filter((column) => column !== name)
        : [...state.columns, name],
    })
  useLineKeys({
    lines,
    selected,
    onSelect: setSelected,
    onToggle: toggle,
    onContext: (id) => setAround(lines.find((line) => line.id === id) ?? null),
    onView: () =>
      change({ view: lineViews[(lineViews.indexOf(state.view) + 1) % lineViews.length] ?? 'line' }),
    onFields: toggleFields,
    ...(state.tail ? {} : { onTail: () => change({ tail: true }) }),
  })
  return (
    <section className={styles.browser}>
      <header className={styles.bar}>
        <Tooltip label={`${fieldsShown ? l.sidebar.hide : l.sidebar.show}  f`}>
          <ActionIcon
            size="md"
            onClick={toggleFields}
            aria-pressed={fieldsShown}
            aria-label={fieldsShown ? l.sidebar.hide : l.sidebar.show}
          >
            <IconLayoutSidebar size={17} stroke={1.6} />
          </ActionIcon>
        </Tooltip>
        <span className={styles.summary} role="status">
          {summary}
        </span>
        {format !== null && (
          <Tooltip label={l.takeApartHelp} multiline maw={300}>
            <Button
              variant="light"
              leftSection={<IconWand size={14} />}
              onClick={() => onQuery(addParser(query, format))}
            >
              {l.takeApart(format === 'json' ? 'JSON' : 'logfmt')}
            </Button>
          </Tooltip>
        )}
        <div className={styles.end}>
          <SegmentedControl
            size="xs"
            aria-label={l.view}
            value={state.view}
            onChange={(view) => change({ view })}
            data={lineViews.map((value) => ({ value, label: l.views[value] }))}
          />
          {!state.tail && (
            <Button
              variant="subtle"
              color="gray"
              leftSection={
                state.order === 'newest' ? <IconSortDescending size={15} /> : <IconSortAscending size={15} />
              }
              onClick={() => change({ order: state.order === 'newest' ? 'oldest' : 'newest', line: null })}
            >
              {state.order === 'newest' ? l.newest : l.oldest}
            </Button>
          )}
          {props.actions}
          <Button
            variant={state.tail ? 'light' : 'subtle'}
            color={state.tail ? 'ember' : 'gray'}
            leftSection={<IconBroadcast size={15} />}
            onClick={() => change({ tail: !state.tail, line: null })}
            aria-pressed={state.tail}
          >
            {state.tail ? l.tail.stop : l.tail.start}
          </Button>
        </div>
      </header>
      <div className={styles.body}>
        {fieldsShown && (
          <FieldSidebar
            query={query}
            lines={lines}
            columns={state.columns}
            onColumn={toggleColumn}
            onFilter={filter}
          />
        )}
        <div className={styles.main}>
          {props.instead ?? (
            <LineList
              lines={lines}
              query={query}
              view={state.view}
              columns={state.columns}
              searched={searched}
              expanded={expanded}
              selected={selected}
              loading={loading}
              focus={focus}
              onToggle={toggle}
              onColumn={toggleColumn}
              onFilter={filter}
              onText={(text, op) => onQuery(filterLines(query, text, op))}
              onContext={setAround}
              top={props.top}
              onEnd={props.onEnd}
              onAway={props.onAway}
              footer={props.footer}
            />
          )}
          <div className={styles.above}>{props.above}</div>
        </div>
      </div>
      <Suspense>
        {around !== null && <ContextView line={around} onClose={() => setAround(null)} onQuery={onQuery} />}
      </Suspense>
    </section>
  )
}
