import { Button } from '@mantine/core'
import { IconBell, IconExternalLink } from '@tabler/icons-react'
import { Link } from '@tanstack/react-router'
import { useCallback, useMemo } from 'react'
import type { ProbeTarget } from '@/api/lookout'
import { FramePanel, type SeriesLook } from '@/components/chart/FramePanel'
import type { ChartSpec } from '@/components/chart/model'
import { RelatedButton } from '@/components/related/RelatedMenu'
import { DetailPane, ErrorText, Facts, LabelChips, Mark, Part, Rows } from '@/components/watch/kit'
import kit from '@/components/watch/kit.module.css'
import { Strip } from '@/components/watch/Strip'
import { useRangeSpan } from '@/components/watch/useRangeSpan'
import { useMessages } from '@/i18n'
import { formatUptime } from '@/lib/ago'
import { dateTimeText } from '@/lib/clockText'
import { formatDuration } from '@/lib/duration'
import type { FrameSeries } from '@/lib/frame'
import { certificateTone, daysLeft } from '@/lib/lookout'
import { selector } from '@/lib/matcher'
import { chooseStep } from '@/lib/step'
import { shareOf, stretchesOf } from '@/lib/strip'
import { formatSeconds, formatValue } from '@/lib/units'
import { ms } from '@/lib/brand'
import { useLiveFrame, useNow } from '@/state/live'
import { useTimeState } from '@/state/timeSearch'
import { probeState, probeTone, type ProbeState } from './ProbesTab'
import styles from './rows.module.css'
import { TryProbe } from './TryProbe'
import { useStrips } from './useStrips'
import { useWords } from './words'

interface ProbeDetailProps {
  readonly probe: ProbeTarget
  /** Modules that may be asked for over HTTP. */
  readonly modules: readonly string[]
  readonly onClose: () => void
}

const upOrDown = (value: number): ProbeState => (value > 0 ? 'up' : 'down')
/** In the order in which they come. */
const phases = ['resolve', 'setup', 'connect', 'tls', 'request', 'rtt', 'processing', 'check', 'transfer']
const phaseMetrics: Readonly<Record<string, string>> = {
  http: 'probe_http_duration_seconds',
  dns: 'probe_dns_duration_seconds',
  icmp: 'probe_icmp_duration_seconds',
  grpc: 'probe_grpc_duration_seconds',
}
const stacked: ChartSpec = { style: 'stacked', unit: 'seconds', min: 0 }
const line: ChartSpec = { style: 'line', unit: 'seconds', min: 0 }
const outagesMax = 20

/** Everything about one target. */
export function ProbeDetail({ probe, modules, onClose }: ProbeDetailProps) {
  const t = useMessages()
  const w = useWords()
  const p = w.probe
  const { zone } = useTimeState()
  const now = useNow()
  const state = probeState(probe)
  const { last, labels } = probe
  const success = selector('probe_success', labels)
  const strips = useStrips({
    expr: (step) => `min_over_time(${success}[${step}])`,
    stateOf: upOrDown,
    steps: 240,
  })
  const cells = useMemo(
    () => strips?.cellsOf(labels, probe.intervalSeconds * 1000) ?? [],
    [strips, labels, probe.intervalSeconds],
  )
  const outages = stretchesOf(cells, ['down'])
  const share = shareOf(cells, 'up')
  const status = useLiveFrame(
    probe.prober === 'http' ? selector('probe_http_status_code', labels) : null,
    chooseStep(useRangeSpan(), 30),
  )
  const code = status.data?.frame.series[0]?.values.findLast((value) => value !== null) ?? null
  const expiry = last?.certificateExpiry ?? null
  const days = expiry === null ? null : daysLeft(expiry, now)
  return (
    <DetailPane label={w.detail} close={w.close} onClose={onClose}>
      <header className={kit.head}>
        <Mark tone={probeTone[state]}>{p.state[state]}</Mark>
        <small>
          {probe.module} · {probe.prober} · {w.every(formatDuration(ms(probe.intervalSeconds * 1000)))}
        </small>
        <h2>{probe.target}</h2>
      </header>
      {last !== null && !last.success && (
        <Part title={p.failure}>
          <ErrorText>{last.failure === '' ? p.state.down : last.failure}</ErrorText>
        </Part>
      )}
      <Facts
        facts={[
          share === null
            ? null
            : {
                name: p.wellShare,
                value: formatValue(share, 'ratio', share > 0.99 ? 5 : 3),
                tone: share < 1 ? 'bad' : 'good',
              },
          last === null
            ? null
            : {
                name: p.took,
                value: formatSeconds(last.durationSeconds),
                note: p.takesAtMost(formatSeconds(probe.timeoutSeconds)),
              },
          code === null || code === 0 ? null : { name: p.status, value: String(code) },
          days === null || expiry === null
            ? null
            : {
                name: p.certificate,
                value: p.days(days),
                note: p.until(dateTimeText(expiry * 1000, zone)),
                tone: certificateTone(days),
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
              search={{ q: [success, selector('probe_duration_seconds', labels)] }}
            />
          )}
        >
          {w.explore}
        </Button>
        <Button
          variant="default"
          leftSection={<IconBell size={15} />}
          renderRoot={(props) => (
            <Link {...props} to="/alerts" search={{ filter: `instance=${JSON.stringify(probe.target)}` }} />
          )}
        >
          {w.alertsOf}
        </Button>
        <RelatedButton point={{ labels, time: now }} />
      </div>
      <LabelChips labels={labels} />
      <TryProbe probe={probe} allowed={modules.includes(probe.module)} />
      <Part title={p.success}>
        <div className={styles.tall}>
          <Strip
            label={p.success}
            from={strips?.from ?? 0}
            to={strips?.to ?? 0}
            cells={cells}
            tone={(s) => probeTone[s]}
            text={(s) => p.state[s]}
          />
        </div>
      </Part>
      <Phases probe={probe} />
      <Part title={p.outages} {...(strips === null ? {} : { hint: p.coarse(formatDuration(strips.stepMs)) })}>
        {outages.length === 0 ? (
          <p className="muted">{p.outagesNone}</p>
        ) : (
          <Rows
            label={p.outages}
            titles={[w.beat.began, w.beat.took]}
            rows={outages.slice(0, outagesMax).map(({ from, until }) => ({
              key: String(from),
              cells: [
                dateTimeText(from, zone),
                `${formatUptime((until - from) / 1000, t.locale)}${
                  until === strips?.to && state === 'down' ? ` (${p.outageOpen})` : ''
                }`,
              ],
            }))}
          />
        )}
      </Part>
    </DetailPane>
  )
}

/** How long the phases took, one above the other; of probers without phases the whole. */
function Phases({ probe }: { readonly probe: ProbeTarget }) {
  const p = useWords().probe
  const step = chooseStep(useRangeSpan(), 200)
  const metric = phaseMetrics[probe.prober]
  const expr = selector(metric ?? 'probe_duration_seconds', probe.labels)
  const live = useLiveFrame(expr, step)
  const look = useCallback(
    (series: FrameSeries): SeriesLook | null => {
      const phase = series.labels.phase
      if (phase === undefined) return { label: p.took }
      // What never takes any time is no part of this.
      if (series.values.every((value) => value === null || value === 0)) return null
      return { label: p.phase[phase] ?? phase, order: phases.indexOf(phase) }
    },
    [p],
  )
  return (
    <FramePanel
      title={metric === undefined ? p.duration : p.phases}
      {...(metric === undefined ? {} : { help: p.phasesHelp })}
      expr={expr}
      live={live}
      spec={metric === undefined ? line : stacked}
      look={look}
    />
  )
}
