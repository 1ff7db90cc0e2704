import { Button, Select } from '@mantine/core'
import { useMediaQuery } from '@mantine/hooks'
import { IconPlus, IconTargetArrow, IconZoomExclamation } from '@tabler/icons-react'
import { getRouteApi, Link } from '@tanstack/react-router'
import { memo, useMemo } from 'react'
import { objectives, objectiveStates, type Objective } from '@/api/objectives'
import { CodeBlock } from '@/components/CodeBlock'
import { Message } from '@/components/Message'
import { FilterBar, Mark } from '@/components/watch/kit'
import kit from '@/components/watch/kit.module.css'
import { Unavailable } from '@/components/watch/Unavailable'
import { useScreenKeys } from '@/components/useScreenKeys'
import { WindowList } from '@/components/WindowList'
import { hasWords } from '@/lib/lookout'
import {
  burnNow,
  inConfiguration,
  objectiveSorts,
  objectiveTemplate,
  percentText,
  sortObjectives,
} from '@/lib/objectives'
import { formatCount, significant } from '@/lib/units'
import { useCurrent, useRefreshByHand } from '@/state/current'
import type { ObjectivesSearch } from '@/state/objectivesSearch'
import { BurnBars, Budget, burnTone, stateTone } from './parts'
import styles from './objectives.module.css'
import { useWords } from './words'

const route = getRouteApi('/objectives')
const keyOf = (objective: Objective): string => objective.name
const wordsOf = ({ name, service, description, group }: Objective): string =>
  `${name} ${service} ${description} ${group} service=${service}`

/** What services are to achieve, the most urgent first. */
export function ObjectivesPage() {
  const w = useWords()
  const search = route.useSearch()
  const { filter = '', state: chosen, sort = 'state' } = search
  const navigate = route.useNavigate()
  const narrow = useMediaQuery('(width <= 760px)', false, { getInitialValueInEffect: false })
  useRefreshByHand()
  const found = useCurrent(['objectives'], objectives, { slowest: 5000 })
  const set = (change: ObjectivesSearch) =>
    void navigate({ search: (old) => ({ ...old, ...change }), replace: true, resetScroll: false })
  const all = useMemo(() => found.data ?? [], [found.data])
  const matching = useMemo(
    () => (filter === '' ? all : all.filter((objective) => hasWords(wordsOf(objective), filter))),
    [all, filter],
  )
  const shown = useMemo(
    () =>
      sortObjectives(
        matching.filter(({ state }) => chosen === undefined || state === chosen),
        sort,
      ),
    [matching, chosen, sort],
  )
  const openOne = (name: string) => void navigate({ to: '/objectives/$name', params: { name } })
  useScreenKeys((key, target) => {
    const at = shown.findIndex(({ name }) => name === search.at)
    const step = (by: number) => {
      const next = shown[at < 0 ? 0 : Math.min(Math.max(at + by, 0), shown.length - 1)]
      if (next !== undefined) set({ at: next.name })
      return next !== undefined
    }
    const current = shown[at]
    switch (key) {
      case 'j':
        return step(1)
      case 'k':
        return step(-1)
      case 'n':
        void navigate({ to: '/objectives/new' })
        return true
      case 'Enter':
      case 'o':
        if (key === 'Enter' && target instanceof Element && target.closest('button, a, input') !== null)
          return false
        if (current !== undefined) openOne(current.name)
        return current !== undefined
      default:
        return false
    }
  })

  return (
    <div className={kit.page}>
      <header className={styles.head}>
        <h1>{w.title}</h1>
        <NewButton />
      </header>
      {found.data === undefined ? (
        <Unavailable error={found.error} missing={w.unknown} />
      ) : all.length === 0 ? (
        <NoObjectives />
      ) : (
        <>
          <FilterBar
            label={w.filterLabel}
            placeholder={w.filter}
            filter={filter}
            onFilter={(next) => set({ filter: next })}
            statesLabel={w.states}
            choices={objectiveStates.map((state) => ({
              state,
              text: w.state[state],
              tone: stateTone[state],
              count: matching.filter((objective) => objective.state === state).length,
            }))}
            chosen={chosen}
            onChoose={(state) => set({ state })}
          >
            <Select
              size="xs"
              ml="auto"
              w={150}
              aria-label={w.sort}
              allowDeselect={false}
              value={sort}
              data={objectiveSorts.map((value) => ({ value, label: w.sorts[value] }))}
              onChange={(next) => set({ sort: next === null || next === 'state' ? undefined : next })}
            />
          </FilterBar>
          {shown.length === 0 ? (
            <Message
              icon={<IconZoomExclamation size={40} stroke={1.3} />}
              title={w.noMatch}
              actions={
                <Button variant="default" onClick={() => set({ filter: undefined, state: undefined })}>
                  {w.clearFilter}
                </Button>
              }
            >
              {w.noMatchHint(formatCount(all.length))}
            </Message>
          ) : (
            <div className={styles.frame}>
              <WindowList
                label={w.list}
                items={shown}
                itemKey={keyOf}
                size={() => (narrow ? 92 : 62)}
                chosen={search.at ?? null}
              >
                {(objective) => <ObjectiveRow objective={objective} current={objective.name === search.at} />}
              </WindowList>
            </div>
          )}
        </>
      )}
    </div>
  )
}

interface ObjectiveRowProps {
  readonly objective: Objective
  readonly current: boolean
}

const ObjectiveRow = memo(function ObjectiveRow({ objective, current }: ObjectiveRowProps) {
  const w = useWords()
  const burn = burnNow(objective)
  const about = [objective.service, objective.description].filter((part) => part !== '').join(' · ')
  return (
    <div className={styles.row} data-current={current || undefined}>
      <Mark tone={stateTone[objective.state]}>{w.state[objective.state]}</Mark>
      <div className={styles.what}>
        <Link
          to="/objectives/$name"
          params={{ name: objective.name }}
          aria-current={current || undefined}
          title={objective.name}
        >
          {objective.name}
        </Link>
        <span title={about}>{about}</span>
      </div>
      <div className={styles.number}>
        <b>{objective.current === null ? '–' : percentText(objective.current)}</b>
        <small>
          {percentText(objective.target)} {w.window(objective.window)}
        </small>
      </div>
      <Budget left={objective.budgetRemaining} />
      <div className={styles.burnCell} title={w.burnHelp}>
        <BurnBars objective={objective} />
      </div>
      <div className={`${styles.number} ${styles.rate}`}>
        <b data-tone={burn === null ? 'quiet' : burnTone(burn)}>
          {burn === null ? '–' : w.rate(significant(burn))}
        </b>
        <small>{w.burn}</small>
      </div>
    </div>
  )
})

function NewButton() {
  const w = useWords()
  return (
    <Button
      leftSection={<IconPlus size={15} />}
      title={`${w.new}  n`}
      renderRoot={(props) => <Link {...props} to="/objectives/new" />}
    >
      {w.new}
    </Button>
  )
}

function NoObjectives() {
  const w = useWords()
  return (
    <Message
      icon={<IconTargetArrow size={44} stroke={1.3} />}
      title={w.empty.title}
      actions={
        <Button renderRoot={(props) => <Link {...props} to="/objectives/new" />}>{w.empty.try}</Button>
      }
    >
      <p>{w.empty.hint}</p>
      <CodeBlock text={inConfiguration(objectiveTemplate('ratio')).trimEnd()} language="yaml" />
    </Message>
  )
}
