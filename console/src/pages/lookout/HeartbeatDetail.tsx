import { Button } from '@mantine/core'
import { IconCalendarEvent, IconExternalLink, IconTrash } from '@tabler/icons-react'
import { useQueryClient } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useCallback, useMemo, useState } from 'react'
import { fetchEvents } from '@/api/events'
import { forgetHeartbeat, type Heartbeat } from '@/api/lookout'
import { FramePanel } from '@/components/chart/FramePanel'
import type { ChartSpec } from '@/components/chart/model'
import { CodeBlock } from '@/components/CodeBlock'
import { DetailPane, Facts, LabelChips, Mark, Part, Rows } from '@/components/watch/kit'
import kit from '@/components/watch/kit.module.css'
import { Strip } from '@/components/watch/Strip'
import { useRangeSpan } from '@/components/watch/useRangeSpan'
import { useMessages } from '@/i18n'
import { formatUptime } from '@/lib/ago'
import { epochMs } from '@/lib/brand'
import { dateTimeText } from '@/lib/clockText'
import { shellWord, type BeatPlan } from '@/lib/lookout'
import { selector } from '@/lib/matcher'
import { chooseStep } from '@/lib/step'
import { resolveRange } from '@/lib/time'
import { formatCount, formatSeconds } from '@/lib/units'
import { currentKey, useCurrent } from '@/state/current'
import { useLiveFrame, useNow } from '@/state/live'
import { useTimeState } from '@/state/timeSearch'
import { say } from '@/state/toasts'
import {
  beatCourse,
  beatHoldMs,
  beatLabels,
  beatStateOf,
  beatTone,
  dueOf,
  usePlanText,
} from './HeartbeatsTab'
import styles from './rows.module.css'
import { useStrips } from './useStrips'
import { useWords } from './words'

interface HeartbeatDetailProps {
  readonly beat: Heartbeat
  readonly plan: BeatPlan | undefined
  readonly onClose: () => void
}

const points: ChartSpec = { style: 'points', unit: 'seconds', min: 0 }
const eventsMax = 500
const runsMax = 50

/** Everything about one job. */
export function HeartbeatDetail({ beat, plan, onClose }: HeartbeatDetailProps) {
  const t = useMessages()
  const w = useWords()
  const b = w.beat
  const { zone } = useTimeState()
  const now = useNow()
  const planText = usePlanText()
  const labels = useMemo(() => beatLabels(beat), [beat])
  const due = dueOf(beat, now)
  const when = (at: number | null) => (at === null ? t.common.never : dateTimeText(at, zone))
  const ago = (at: number | null) =>
    at === null ? undefined : t.common.ago(formatUptime((now - at) / 1000, t.locale))
  const strips = useStrips({
    expr: beatCourse(`{heartbeat=${JSON.stringify(beat.name)}}`),
    stateOf: beatStateOf,
    steps: 240,
  })
  const cells = strips?.cellsOf(labels, beatHoldMs) ?? []
  const duration = selector('watchfire_heartbeat_last_duration_seconds', { heartbeat: beat.name })
  const live = useLiveFrame(duration, chooseStep(useRangeSpan(), 200))
  const look = useCallback(() => ({ label: b.took }), [b])
  return (
    <DetailPane label={w.detail} close={w.close} onClose={onClose}>
      <header className={kit.head}>
        <Mark tone={beatTone[beat.state]}>{b.state[beat.state]}</Mark>
        <h2>{beat.name}</h2>
        {beat.description !== '' && <p>{beat.description}</p>}
      </header>
      <Facts
        facts={[
          {
            name: b.expected,
            value: planText(plan),
            note:
              plan === undefined
                ? undefined
                : [
                    b.grace(plan.grace),
                    ...(plan.maxDuration === '' ? [] : [b.maxDuration(plan.maxDuration)]),
                  ].join(' · '),
          },
          due === null
            ? null
            : {
                name: b.next,
                value:
                  due < 0
                    ? b.overdue(formatUptime(-due / 1000, t.locale))
                    : b.nextBy(formatUptime(due / 1000, t.locale)),
                note: when(beat.deadline),
                tone: due < 0 ? 'bad' : undefined,
              },
          { name: b.lastSuccess, value: when(beat.lastSuccess), note: ago(beat.lastSuccess) },
          beat.lastFailure === null
            ? null
            : { name: b.lastFailure, value: when(beat.lastFailure), note: ago(beat.lastFailure) },
          beat.lastDurationMs === null && beat.lastExit === null
            ? null
            : {
                name: b.lastRun,
                value: beat.lastDurationMs === null ? '–' : formatSeconds(beat.lastDurationMs / 1000),
                note: beat.lastExit === null ? undefined : b.exit(beat.lastExit),
                tone: beat.lastExit !== null && beat.lastExit !== 0 ? 'bad' : undefined,
              },
          {
            name: b.runs,
            value: formatCount(beat.runs),
            note: b.runsText(formatCount(beat.runs), formatCount(beat.failures), formatCount(beat.lates)),
          },
        ]}
      />
      <div className={kit.actions}>
        <Button
          variant="default"
          leftSection={<IconExternalLink size={15} />}
          renderRoot={(props) => (
            <Link
              {...props}
              to="/explore"
              search={{ q: [selector('watchfire_heartbeat_late', { heartbeat: beat.name }), duration] }}
            />
          )}
        >
          {w.explore}
        </Button>
        <Button
          variant="default"
          leftSection={<IconCalendarEvent size={15} />}
          renderRoot={(props) => (
            <Link {...props} to="/events" search={{ kind: ['cron'], text: beat.name }} />
          )}
        >
          {w.events}
        </Button>
        {!beat.configured && <Forget name={beat.name} onDone={onClose} />}
      </div>
      {!beat.configured && <p className={kit.hint}>{b.unconfigured}</p>}
      <LabelChips labels={beat.labels} />
      <div className={styles.tall}>
        <Strip
          label={w.strip(beat.name)}
          from={strips?.from ?? 0}
          to={strips?.to ?? 0}
          cells={cells}
          tone={(s) => beatTone[s]}
          text={(s) => b.state[s]}
        />
      </div>
      {beat.said !== '' && (
        <Part title={b.said}>
          <pre className={kit.pre}>{beat.said}</pre>
        </Part>
      )}
      <FramePanel title={b.durations} expr={duration} live={live} spec={points} look={look} />
      <Runs name={beat.name} />
      <Part title={b.how} hint={b.howHint}>
        <CodeBlock text={`watchfire heartbeat ${shellWord(beat.name)} -- COMMAND`} language="text" />
        <p className={kit.hint}>{b.howCurl}</p>
        <CodeBlock text={curls(beat.name)} language="text" />
      </Part>
    </DetailPane>
  )
}

const curls = (name: string): string => {
  const address = `${window.location.origin}/api/v1/heartbeats/${encodeURIComponent(name)}`
  return ['', '/start', '/fail', '/$?']
    .map((kind) => `curl -fsS -m 10 --retry 3 ${address}${kind}`)
    .join('\n')
}

/** Runs that ended, and turns that were missed, as events tell. */
function Runs({ name }: { readonly name: string }) {
  const t = useMessages()
  const b = useWords().beat
  const { range, zone } = useTimeState()
  const found = useCurrent(
    ['beat-runs', name, range, zone],
    async (signal) => {
      const { from, to } = resolveRange(range, epochMs(Date.now()), zone)
      const { data } = await fetchEvents(from, to, eventsMax, signal, { kind: ['cron'], text: [name] })
      return data.filter(({ subject }) => subject === name)
    },
    { slowest: 5000 },
  )
  const runs = found.data ?? []
  return (
    <Part title={b.list}>
      {runs.length === 0 ? (
        <p className="muted">{b.listNone}</p>
      ) : (
        <Rows
          label={b.list}
          titles={[b.began, b.took, b.result]}
          rows={runs.slice(0, runsMax).map((run) => ({
            key: run.key,
            cells: [
              dateTimeText(run.time, zone),
              run.durationNs === null ? '–' : formatSeconds(run.durationNs / 1e9),
              <Mark key="result" tone={run.result === 'ok' ? 'good' : run.result === 'late' ? 'bad' : 'warn'}>
                {[b.resultText[run.result] ?? run.result, exitOf(run.title, b.exit)]
                  .filter((part) => part !== '')
                  .join(', ')}
              </Mark>,
            ],
          }))}
        />
      )}
      {runs.length > runsMax && <p className="muted">{t.common.shown(runsMax, runs.length)}</p>}
    </Part>
  )
}

/** The exit code, which stands in the title of the event alone. */
function exitOf(title: string, text: (code: number) => string): string {
  const code = /with exit code (\d+)$/.exec(title)?.[1]
  return code === undefined ? '' : text(Number(code))
}

function Forget({ name, onDone }: { readonly name: string; readonly onDone: () => void }) {
  const b = useWords().beat
  const client = useQueryClient()
  const [sure, setSure] = useState(false)
  const forget = async () => {
    if (!sure) {
      setSure(true)
      return
    }
    try {
      await forgetHeartbeat(name)
      say(b.forgotten)
      onDone()
      await client.invalidateQueries({ queryKey: [currentKey, 'heartbeats'] })
    } catch (cause) {
      say(cause instanceof Error ? cause.message : String(cause), 'bad')
    }
  }
  return (
    <Button
      variant={sure ? 'filled' : 'default'}
      leftSection={<IconTrash size={15} />}
      onClick={() => void forget()}
    >
      {sure ? b.forgetSure : b.forget}
    </Button>
  )
}
