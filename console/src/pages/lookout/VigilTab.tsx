import { IconShieldCheck } from '@tabler/icons-react'
import { useCallback } from 'react'
import { toldAlerts } from '@/api/alerting'
import { vigil, type VigilPart } from '@/api/lookout'
import { queryVector } from '@/api/query'
import { FramePanel } from '@/components/chart/FramePanel'
import type { ChartSpec } from '@/components/chart/model'
import { CodeBlock } from '@/components/CodeBlock'
import { Mark, Part, Rows } from '@/components/watch/kit'
import kit from '@/components/watch/kit.module.css'
import { Unavailable } from '@/components/watch/Unavailable'
import { useRangeSpan } from '@/components/watch/useRangeSpan'
import { dateTimeText } from '@/lib/clockText'
import { chooseStep } from '@/lib/step'
import type { Unit } from '@/lib/units'
import { useCurrent } from '@/state/current'
import { useLiveFrame } from '@/state/live'
import { useTimeState } from '@/state/timeSearch'
import { AfterChange } from './AfterChange'
import styles from './rows.module.css'
import { useWords } from './words'

/** Whether this server does what others count on it for, and who would notice if not. */
export function VigilTab() {
  const w = useWords()
  const v = w.vigil
  const found = useCurrent(['vigil'], vigil)
  if (found.data === undefined) return <Unavailable error={found.error} missing={w.unknown} />
  const { ok, stalled, parts } = found.data
  return (
    <div className={kit.page}>
      <p role="status">
        <Mark tone={ok ? 'good' : stalled ? 'bad' : 'warn'}>
          {ok ? v.ok : stalled ? v.stalled : v.trouble}
        </Mark>
      </p>
      <Rows
        label={v.parts}
        titles={[v.parts, w.states, '']}
        rows={parts.map((part) => ({
          key: part.name,
          cells: [
            v.part[part.name] ?? part.name,
            <Mark key="state" tone={toneOf(part)}>
              {part.ok ? v.partOk : part.stalled ? v.partStalled : v.partTrouble}
            </Mark>,
            part.reason,
          ],
        }))}
      />
      <p className={kit.hint}>{v.health}</p>
      <DeadMansSwitch />
      <Part title={v.reverse}>
        <div className={styles.charts}>
          <Figure title={v.overdue} help={v.overdueHelp} expr="watchfire_rule_groups_overdue" unit="short" />
          <Figure title={v.still} help={v.stillHelp} expr="watchfire_alerting_still_seconds" unit="seconds" />
          <Figure
            title={v.oldest}
            help={v.oldestHelp}
            expr="watchfire_alerting_delivery_oldest_seconds"
            unit="seconds"
          />
          <Figure
            title={v.missed}
            help={v.missedHelp}
            expr="sum(increase(watchfire_rule_group_missed_total[5m]))"
            unit="short"
          />
        </div>
      </Part>
    </div>
  )
}

const toneOf = (part: VigilPart) => (part.ok ? 'good' : part.stalled ? 'bad' : 'warn')

interface FigureProps {
  readonly title: string
  readonly help: string
  readonly expr: string
  readonly unit: Unit
}

function Figure({ title, help, expr, unit }: FigureProps) {
  const live = useLiveFrame(expr, chooseStep(useRangeSpan(), 200))
  const look = useCallback(() => ({ label: title }), [title])
  const flat = live.data?.frame.series.every((s) => s.values.every((value) => (value ?? 0) === 0)) === true
  const spec: ChartSpec = { style: 'line', unit, min: 0, max: flat ? 1 : null }
  return <FramePanel title={title} help={help} expr={expr} live={live} spec={spec} look={look} height={110} />
}

const example = `# watchfire.yml
alerting: {watchdog: true, config_file: alertmanager.yml}

# alertmanager.yml
route:
  receiver: team
  routes:
  - matchers: [alertname="Watchdog"]
    receiver: outside
    group_wait: 0s
    group_interval: 1m
    repeat_interval: 1m
receivers:
- name: outside
  webhook_configs: [{url: 'https://hc-ping.com/UUID', send_resolved: false}]`

/** The alert that always fires, and whom it reaches. */
function DeadMansSwitch() {
  const w = useWords()
  const v = w.vigil
  const { zone } = useTimeState()
  const firing = useCurrent(
    ['watchdog'],
    async (signal) => {
      const [since] = await queryVector('ALERTS_FOR_STATE{alertname="Watchdog"}', undefined, signal)
      const [now] = await queryVector('ALERTS{alertname="Watchdog",alertstate="firing"}', undefined, signal)
      const told = await toldAlerts(signal)
      const [known] = told.filter(({ labels }) => labels.alertname === 'Watchdog')
      return {
        since: now === undefined ? null : (since?.value ?? now.time / 1000) * 1000,
        receivers: known?.receivers ?? [],
      }
    },
    { slowest: 10_000 },
  )
  if (firing.data === undefined) return null
  const { since, receivers } = firing.data
  return (
    <Part title={v.switch}>
      {since !== null ? (
        <>
          <Mark tone={receivers.length > 0 ? 'good' : 'warn'}>
            {receivers.length > 0 ? v.switchTold(receivers.join(', ')) : v.switchToldNobody}
          </Mark>
          <p className={kit.hint}>{v.switchOn(dateTimeText(since, zone))}</p>
        </>
      ) : (
        <p>
          <IconShieldCheck size={16} aria-hidden /> {v.switchOff}
        </p>
      )}
      {(since === null || receivers.length === 0) && (
        <>
          <CodeBlock text={example} language="yaml" />
          <AfterChange />
        </>
      )}
    </Part>
  )
}
