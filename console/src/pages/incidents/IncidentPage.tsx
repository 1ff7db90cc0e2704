import { Button, Popover, useComputedColorScheme } from '@mantine/core'
import { IconArrowLeft, IconFileText, IconFlag, IconPencil } from '@tabler/icons-react'
import { getRouteApi, Link } from '@tanstack/react-router'
import { useEffect, useMemo, useState, type CSSProperties } from 'react'
import { ApiError } from '@/api/http'
import { incident as fetchIncident, incidentTimeline, type IncidentDetail } from '@/api/incidents'
import { onCall } from '@/api/oncall'
import { EventLanes } from '@/components/chart/EventLanes'
import { Message } from '@/components/Message'
import { useScreenKeys } from '@/components/useScreenKeys'
import { RelatedButton } from '@/components/related/RelatedMenu'
import { Facts, LabelChips, Mark } from '@/components/watch/kit'
import kit from '@/components/watch/kit.module.css'
import { Unavailable } from '@/components/watch/Unavailable'
import { useMessages } from '@/i18n'
import { formatUptime } from '@/lib/ago'
import { epochMs, ms } from '@/lib/brand'
import { dateTimeText } from '@/lib/clockText'
import { rangeOf, severityTone } from '@/lib/incidents'
import { absoluteRange, resolveRange } from '@/lib/time'
import { useCurrent, useRefreshByHand } from '@/state/current'
import { useNow } from '@/state/live'
import { useTimeState } from '@/state/timeSearch'
import { ActionBar, TextForm, type OpenForm } from './ActionBar'
import { AlertCards } from './AlertCards'
import { Entities } from './Entities'
import styles from './incidents.module.css'
import { statusTone } from './IncidentsPage'
import { lanesOf } from './lanes'
import { TimelineList } from './TimelineList'
import { useActions } from './useActions'
import { useWords } from './words'

const route = getRouteApi('/incidents/$id')
const root = getRouteApi('__root__')

/** Colours that the charts of alerts ask for. */
const stateColors = {
  '--wf-state-firing': 'var(--wf-bad)',
  '--wf-state-pending': 'var(--wf-warn)',
} as CSSProperties

/** One incident: what happened, in which order, and what is done about it. */
export function IncidentPage() {
  const w = useWords()
  const { id } = route.useParams()
  const number = Number(id)
  useRefreshByHand()
  const found = useCurrent(['incident', number], (signal) => fetchIncident(number, signal))
  if (found.error instanceof ApiError && found.error.kind === 'missing' && found.data === undefined) {
    return (
      <Message
        icon={<IconFlag size={44} stroke={1.3} />}
        title={w.page.gone}
        actions={
          <Button variant="default" renderRoot={(props) => <Link {...props} to="/incidents" />}>
            {w.page.back}
          </Button>
        }
      >
        {w.page.goneHint}
      </Message>
    )
  }
  if (found.data === undefined) return <Unavailable error={found.error} missing={w.unknown} />
  return <Known key={id} incident={found.data} />
}

function Known({ incident }: { readonly incident: IncidentDetail }) {
  const w = useWords()
  const p = w.page
  const { show } = route.useSearch()
  const { from: given } = root.useSearch()
  const navigate = route.useNavigate()
  const { setRange, range, zone } = useTimeState()
  const now = useNow()
  const scheme = useComputedColorScheme('dark', { getInitialValueInEffect: false })
  const actions = useActions()
  const [open, setOpen] = useState<OpenForm>(null)
  const [renaming, setRenaming] = useState(false)
  const timeline = useCurrent(['incident-timeline', incident.id], (signal) =>
    incidentTimeline(incident.id, signal),
  )
  const duty = useCurrent(['oncall'], onCall, { slowest: 30_000 })
  const whole = rangeOf(incident.startedAt, incident.resolvedAt, now)
  const showWhole = () =>
    setRange(
      incident.resolvedAt === null
        ? {
            from: absoluteRange(whole.from, whole.to).from,
            to: { kind: 'relative', back: ms(0), floor: null },
          }
        : absoluteRange(whole.from, whole.to),
    )
  // An address without a range of its own shows the incident.
  useEffect(() => {
    if (given === undefined) showWhole()
    // Only when the page is opened: the range is the reader's from then on.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [])
  const act = (action: Parameters<typeof actions.act>[1]) => void actions.act([incident.id], action)
  useScreenKeys((key) => {
    switch (key) {
      case 'c':
        if (incident.status !== 'resolved')
          act({ action: incident.status === 'acknowledged' ? 'unacknowledge' : 'acknowledge' })
        return true
      case 'e':
        act({ action: incident.status === 'resolved' ? 'reopen' : 'resolve' })
        return true
      case 'a':
        setOpen('assign')
        return true
      case 'm':
        setOpen('note')
        return true
      case 'u':
        void navigate({ to: '/incidents' })
        return true
      default:
        return false
    }
  })
  const { from, to } = resolveRange(range, epochMs(now), zone)
  const entries = useMemo(() => timeline.data?.entries ?? [], [timeline.data])
  const lanes = useMemo(
    () => lanesOf(incident.alerts, entries, now, scheme, p.groups),
    [incident.alerts, entries, now, scheme, p.groups],
  )
  return (
    <div className={styles.page} style={stateColors}>
      <header className={styles.head}>
        <Button
          variant="subtle"
          color="gray"
          leftSection={<IconArrowLeft size={15} />}
          renderRoot={(props) => <Link {...props} to="/incidents" />}
        >
          {p.back}
        </Button>
        <Mark tone={statusTone[incident.status]}>{w.status[incident.status]}</Mark>
        <span className={styles.severity} data-tone={severityTone(incident.severity)}>
          {incident.severity}
          {incident.quiet && incident.status !== 'resolved' && ` · ${w.quiet}`}
        </span>
        <h1>
          <span className="muted">{w.number(incident.id)}</span> {incident.title}
        </h1>
        <Popover opened={renaming} onChange={setRenaming} position="bottom-start" trapFocus withinPortal>
          <Popover.Target>
            <Button
              variant="subtle"
              color="gray"
              aria-label={w.actions.rename}
              title={w.actions.rename}
              onClick={() => setRenaming(!renaming)}
            >
              <IconPencil size={15} />
            </Button>
          </Popover.Target>
          <Popover.Dropdown>
            <TextForm
              title={w.actions.rename}
              submit={w.actions.renameSubmit}
              initial={incident.title}
              onText={(text) => {
                setRenaming(false)
                act({ action: 'title', text })
              }}
            />
          </Popover.Dropdown>
        </Popover>
      </header>
      {incident.mergedInto !== null && (
        <p>
          <Link to="/incidents/$id" params={{ id: String(incident.mergedInto) }}>
            {p.mergedInto(incident.mergedInto)}
          </Link>
        </p>
      )}
      <div className={kit.actions}>
        <ActionBar
          targets={[incident]}
          people={duty.data?.people.map(({ name }) => name) ?? []}
          busy={actions.busy}
          open={open}
          onOpen={setOpen}
          onAct={act}
          onMerge={(others) => act({ action: 'merge', incidents: others })}
        />
        <RelatedButton point={{ labels: relatedLabels(incident), time: incident.startedAt }} />
        <Report id={incident.id} />
      </div>
      <Standing incident={incident} />
      <section className={styles.card} aria-label={p.course}>
        <header>
          <h2>{p.course}</h2>
          <Button variant="subtle" color="gray" onClick={showWhole}>
            {p.whole}
          </Button>
        </header>
        <EventLanes label={p.course} from={from} to={to} lanes={lanes} axisPixels={110} />
      </section>
      <div className={styles.columns}>
        <div className={styles.column}>
          <AlertCards
            incident={incident}
            busy={actions.busy}
            onSplit={(alerts) =>
              void actions.act([incident.id], { action: 'split', alerts }).then((done) => {
                if (done?.split != null)
                  void navigate({ to: '/incidents/$id', params: { id: String(done.split) } })
              })
            }
          />
          <section className={styles.card} aria-label={p.timeline}>
            {timeline.data === undefined ? (
              <Unavailable error={timeline.error} missing={w.unknown} />
            ) : (
              <TimelineList
                timeline={timeline.data}
                show={show}
                onShow={(next) =>
                  void navigate({
                    search: (old) => ({ ...old, show: next }),
                    replace: true,
                    resetScroll: false,
                  })
                }
              />
            )}
          </section>
        </div>
        <div className={styles.column}>
          <Entities incident={incident} />
          <section className={styles.card} aria-label={p.labels}>
            <h2>{p.labels}</h2>
            <LabelChips labels={incident.labels} />
          </section>
        </div>
      </div>
    </div>
  )
}

/** Labels that name what the incident is about, for ways to its other signals. */
function relatedLabels({ labels, entities, alerts }: IncidentDetail): Record<string, string> {
  const [first] = entities
  const service = first?.type === 'service' ? { service_name: first.name } : {}
  return { ...alerts[0]?.labels, ...labels, ...service }
}

function Standing({ incident }: { readonly incident: IncidentDetail }) {
  const t = useMessages()
  const w = useWords()
  const p = w.page
  const now = useNow()
  const { zone } = useTimeState()
  const span = (from: number, to: number) => formatUptime((to - from) / 1000, t.locale)
  const { startedAt, acknowledgedAt, resolvedAt, escalation } = incident
  return (
    <section className={styles.card}>
      <Facts
        facts={[
          {
            name: p.began,
            value: dateTimeText(startedAt, zone),
            note: w.began(span(startedAt, now)),
          },
          {
            name: p.acknowledged,
            value:
              acknowledgedAt === null
                ? p.notYet
                : incident.acknowledgedBy === null
                  ? w.ackNobody
                  : w.ackBy(incident.acknowledgedBy),
            note: acknowledgedAt === null ? undefined : dateTimeText(acknowledgedAt, zone),
            tone: acknowledgedAt === null && incident.status === 'triggered' ? 'bad' : undefined,
          },
          resolvedAt === null
            ? null
            : {
                name: p.ended,
                value: dateTimeText(resolvedAt, zone),
                note: w.lasted(span(startedAt, resolvedAt)),
              },
          { name: p.assigned, value: incident.assigned ?? p.nobody },
          escalation === null
            ? { name: p.escalation, value: p.noPolicy }
            : {
                name: `${p.escalation}: ${escalation.policy}`,
                value: p.step(escalation.step, escalation.steps, escalation.round, escalation.rounds),
                note:
                  escalation.state === 'waiting' && escalation.nextAt !== null && escalation.nextAt > now
                    ? w.nextStep(span(now, escalation.nextAt))
                    : p.states[escalation.state],
              },
        ]}
      />
    </section>
  )
}

/** The report, as a file to go on with. */
function Report({ id }: { readonly id: number }) {
  const t = useMessages()
  const p = useWords().page
  const lang = t.locale.startsWith('zh') ? 'zh' : 'en'
  return (
    <Button
      component="a"
      variant="default"
      leftSection={<IconFileText size={15} />}
      title={p.reportHint}
      href={`/api/v1/incidents/${id}/postmortem?lang=${lang}`}
      download={`incident-${id}.md`}
    >
      {p.report}
    </Button>
  )
}
