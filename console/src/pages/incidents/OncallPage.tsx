import { Button, Modal, useComputedColorScheme } from '@mantine/core'
import { IconPhone, IconPlus } from '@tabler/icons-react'
import { getRouteApi } from '@tanstack/react-router'
import { useMemo, useState, type CSSProperties } from 'react'
import { endOverride, onCall, shiftsOf, type OnCall, type Schedule } from '@/api/oncall'
import { CodeBlock } from '@/components/CodeBlock'
import { Message } from '@/components/Message'
import { Rows } from '@/components/watch/kit'
import kit from '@/components/watch/kit.module.css'
import { Unavailable } from '@/components/watch/Unavailable'
import { dateTimeText } from '@/lib/clockText'
import { daysFrom, placeOfName, weekStart } from '@/lib/oncall'
import { seriesColor } from '@/lib/palette'
import { errorText } from '@/lib/serverError'
import { ianaZone } from '@/lib/time'
import { useQueryClient } from '@tanstack/react-query'
import { currentKey, useCurrent, useRefreshByHand } from '@/state/current'
import type { OncallSearch } from '@/state/incidentsSearch'
import { useNow } from '@/state/live'
import { useTimeState } from '@/state/timeSearch'
import { say } from '@/state/toasts'
import styles from './incidents.module.css'
import { IncidentsTabs } from './IncidentsTabs'
import { OverrideForm } from './OverrideForm'
import { Policies } from './Policies'
import { ShiftCalendar } from './ShiftCalendar'
import { useWords } from './words'

const route = getRouteApi('/incidents/oncall')

/** Who is on call: now, in the weeks to come, and in which order people are told. */
export function OncallPage() {
  const w = useWords()
  useRefreshByHand()
  const found = useCurrent(['oncall'], onCall, { slowest: 5000 })
  return (
    <div className={styles.page}>
      <IncidentsTabs />
      {found.data === undefined ? (
        <Unavailable error={found.error} missing={w.unknown} />
      ) : found.data.schedules.length === 0 && found.data.policies.length === 0 ? (
        <NobodyOnCall />
      ) : (
        <Known duty={found.data} />
      )}
    </div>
  )
}

/** The colour of a person, the same on the whole screen. */
export type ColorOf = (person: string) => CSSProperties

function Known({ duty }: { readonly duty: OnCall }) {
  const w = useWords()
  const o = w.oncall
  const search = route.useSearch()
  const navigate = route.useNavigate()
  const scheme = useComputedColorScheme('dark', { getInitialValueInEffect: false })
  const set = (change: OncallSearch) =>
    void navigate({ search: (old) => ({ ...old, ...change }), replace: true, resetScroll: false })
  const names = useMemo(() => duty.people.map(({ name }) => name), [duty.people])
  const colorOf: ColorOf = (person) =>
    ({ '--who': seriesColor(placeOfName(person, names), scheme) }) as CSSProperties
  const chosen = duty.schedules.find(({ name }) => name === search.schedule) ?? duty.schedules[0]
  return (
    <>
      <section aria-label={o.now} className={styles.now}>
        {duty.schedules.map((schedule) => (
          <OnDuty
            key={schedule.name}
            schedule={schedule}
            chosen={schedule.name === chosen?.name}
            colorOf={colorOf}
            onChoose={() => set({ schedule: schedule.name })}
          />
        ))}
      </section>
      {chosen !== undefined && (
        <ScheduleCard
          key={chosen.name}
          schedule={chosen}
          people={names}
          colorOf={colorOf}
          week={Math.trunc(Number(search.week ?? 0)) || 0}
          onWeek={(week) => set({ week: week === 0 ? undefined : String(week) })}
        />
      )}
      <Policies policies={duty.policies} />
      <section className={styles.card} aria-label={o.people}>
        <h2>{o.people}</h2>
        <Rows
          label={o.people}
          titles={[o.person, o.toldBy, o.now]}
          rows={duty.people.map((person) => ({
            key: person.name,
            cells: [
              person.name,
              person.receivers.length === 0 ? o.noReceivers : person.receivers.join(', '),
              person.onCall.join(', '),
            ],
          }))}
        />
      </section>
    </>
  )
}

interface OnDutyProps {
  readonly schedule: Schedule
  readonly chosen: boolean
  readonly colorOf: ColorOf
  readonly onChoose: () => void
}

function OnDuty({ schedule, chosen, colorOf, onChoose }: OnDutyProps) {
  const o = useWords().oncall
  const { zone } = useTimeState()
  const { now, next } = schedule
  return (
    <button
      type="button"
      className={styles.who}
      style={now === null ? undefined : colorOf(now.person)}
      aria-pressed={chosen}
      onClick={onChoose}
    >
      <small>{schedule.name}</small>
      <b>{now?.person ?? o.nobody}</b>
      {now !== null && <small>{o.until(dateTimeText(now.to, zone))}</small>}
      <small>{next === null ? o.thenNobody : o.then(next.person, dateTimeText(next.from, zone))}</small>
    </button>
  )
}

const weeks = 2
const dayMs = 86_400_000

interface ScheduleCardProps {
  readonly schedule: Schedule
  readonly people: readonly string[]
  readonly colorOf: ColorOf
  readonly week: number
  readonly onWeek: (week: number) => void
}

/** The shifts of a schedule by days, and who stands in. */
function ScheduleCard({ schedule, people, colorOf, week, onWeek }: ScheduleCardProps) {
  const w = useWords()
  const o = w.oncall
  const { zone } = useTimeState()
  const now = useNow()
  const client = useQueryClient()
  const [adding, setAdding] = useState<{ from: number; to: number } | null>(null)
  const first = weekStart(now, zone)
  // Noon of a day in the week that is meant, however clocks are set between.
  const start = weekStart(first + dayMs / 2 + week * 7 * dayMs, zone)
  const days = useMemo(() => daysFrom(start, weeks * 7, zone), [start, zone])
  const end = days.at(-1)?.to ?? start
  const found = useCurrent(
    ['shifts', schedule.name, start, end],
    (signal) => shiftsOf(schedule.name, start, end, signal),
    { slowest: 10_000 },
  )
  const overrides = found.data?.overrides ?? []
  const finish = async (id: string) => {
    try {
      await endOverride(id)
      say(o.ended)
    } catch (cause) {
      say(errorText(cause instanceof Error ? cause.message : String(cause)), 'bad')
    }
    await client.invalidateQueries({ queryKey: [currentKey] })
  }
  const hour = Math.ceil(now / 3_600_000) * 3_600_000
  return (
    <section className={styles.card} aria-label={`${o.calendar}: ${schedule.name}`}>
      <header>
        <h2>
          {o.calendar} <span className="muted">{schedule.name}</span>
        </h2>
        <div className={kit.actions}>
          <Button variant="default" onClick={() => onWeek(week - 1)}>
            {o.earlier}
          </Button>
          <Button variant="default" disabled={week === 0} onClick={() => onWeek(0)}>
            {o.today}
          </Button>
          <Button variant="default" onClick={() => onWeek(week + 1)}>
            {o.later}
          </Button>
          <Button
            leftSection={<IconPlus size={15} />}
            onClick={() => setAdding({ from: hour, to: hour + 8 * 3_600_000 })}
          >
            {o.add}
          </Button>
        </div>
      </header>
      <p className={kit.hint}>{o.calendarHint(schedule.timeZone, ianaZone(zone))}</p>
      {found.data === undefined ? (
        <Unavailable error={found.error} missing={w.unknown} />
      ) : (
        <ShiftCalendar
          days={days}
          shifts={found.data.shifts}
          now={now}
          colorOf={colorOf}
          onDrag={setAdding}
        />
      )}
      <h2>{o.overrides}</h2>
      {overrides.length === 0 ? (
        <p className="muted">{o.overridesNone}</p>
      ) : (
        <Rows
          label={o.overrides}
          titles={[o.person, o.from, o.to, o.comment, ' ']}
          rows={overrides.map((one) => ({
            key: one.id,
            cells: [
              one.person,
              dateTimeText(one.from, zone),
              dateTimeText(one.to, zone),
              [one.comment, one.configured ? o.configured : one.by === '' ? '' : o.byWhom(one.by)]
                .filter((part) => part !== '')
                .join(' · '),
              one.configured ? null : (
                <Button key="end" variant="default" size="compact-xs" onClick={() => void finish(one.id)}>
                  {o.end}
                </Button>
              ),
            ],
          }))}
        />
      )}
      {adding !== null && (
        <Modal
          opened
          onClose={() => setAdding(null)}
          title={o.addTitle(schedule.name)}
          closeButtonProps={{ 'aria-label': w.page.back }}
        >
          <OverrideForm
            schedule={schedule.name}
            people={people}
            from={adding.from}
            to={adding.to}
            onDone={() => {
              setAdding(null)
              void client.invalidateQueries({ queryKey: [currentKey] })
            }}
          />
        </Modal>
      )}
    </section>
  )
}

const example = `on_call:
  people:
  - {name: ann, receivers: [ann-phone]}        # receivers of alerting.config_file
  - {name: bob, receivers: [bob-phone]}
  schedules:
  - name: platform
    time_zone: Europe/Berlin
    layers:
    - {name: week, participants: [ann, bob], every: 1w, start: 2026-01-05, handoff: '09:00'}
  policies:
  - name: grave
    matchers: ['severity=~"critical|error"']
    steps:
    - {schedules: [platform], wait: 5m}
    - {schedules: [platform], people: [bob], wait: 10m}
    repeat: 2`

function NobodyOnCall() {
  const o = useWords().oncall
  return (
    <Message icon={<IconPhone size={44} stroke={1.3} />} title={o.emptyTitle}>
      <p>{o.emptyHint}</p>
      <CodeBlock text={example} language="yaml" />
    </Message>
  )
}
