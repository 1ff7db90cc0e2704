import { Button, useComputedColorScheme } from '@mantine/core'
import { IconCalendarEvent, IconExternalLink } from '@tabler/icons-react'
import { Link } from '@tanstack/react-router'
import { useMemo } from 'react'
import type { Check } from '@/api/lookout'
import { Panel } from '@/components/chart/Panel'
import { TimeChart } from '@/components/chart/TimeChart'
import { RelatedButton } from '@/components/related/RelatedMenu'
import { DetailPane, ErrorText, Facts, LabelChips, Mark, Part } from '@/components/watch/kit'
import kit from '@/components/watch/kit.module.css'
import { Strip } from '@/components/watch/Strip'
import { useRangeSpan } from '@/components/watch/useRangeSpan'
import { useMessages } from '@/i18n'
import { formatUptime } from '@/lib/ago'
import { ms } from '@/lib/brand'
import { dateTimeText } from '@/lib/clockText'
import { formatDuration } from '@/lib/duration'
import { selector } from '@/lib/matcher'
import { seriesColor } from '@/lib/palette'
import { perfCharts } from '@/lib/perfdata'
import { chooseStep } from '@/lib/step'
import { formatSeconds, formatValue } from '@/lib/units'
import { useLiveFrame, useNow } from '@/state/live'
import { useTimeState } from '@/state/timeSearch'
import { checkCourse, checkLabels, checkStateOf, checkTone, shownState } from './ChecksTab'
import styles from './rows.module.css'
import { useStrips } from './useStrips'
import { useWords } from './words'

/** Everything about one plugin. */
export function CheckDetail({ check, onClose }: { readonly check: Check; readonly onClose: () => void }) {
  const t = useMessages()
  const w = useWords()
  const c = w.check
  const { zone } = useTimeState()
  const now = useNow()
  const state = shownState(check)
  const labels = useMemo(() => checkLabels(check), [check])
  const chosen = selector('', labels)
  const strips = useStrips({ expr: checkCourse(chosen), stateOf: checkStateOf, steps: 240 })
  const cells = strips?.cellsOf(labels, check.intervalSeconds * 1000) ?? []
  return (
    <DetailPane label={w.detail} close={w.close} onClose={onClose}>
      <header className={kit.head}>
        <Mark tone={checkTone[state]}>{c.state[state]}</Mark>
        <small>{w.every(formatDuration(ms(check.intervalSeconds * 1000)))}</small>
        <h2>{check.name}</h2>
        {check.summary !== '' && <p>{check.summary}</p>}
      </header>
      {check.trouble !== '' && (
        <Part title={c.trouble}>
          <ErrorText>{check.trouble}</ErrorText>
        </Part>
      )}
      <Facts
        facts={[
          check.since === null
            ? null
            : {
                name: c.certain(c.state[check.hardState]),
                value: w.since(formatUptime((now - check.since) / 1000, t.locale)),
                note: dateTimeText(check.since, zone),
              },
          check.attempt === 0
            ? null
            : {
                name: c.state[check.state],
                value: c.attempt(Math.min(check.attempt, check.attemptsMax), check.attemptsMax),
                note: check.state === check.hardState ? undefined : c.soft,
                tone: checkTone[check.state],
              },
          check.last === null
            ? null
            : {
                name: c.ran,
                value: t.common.ago(formatUptime((now - check.last) / 1000, t.locale)),
                note: `${c.took} ${formatSeconds(check.durationSeconds)}`,
              },
          { name: c.program, value: check.program },
        ]}
      />
      <div className={kit.actions}>
        <Button
          variant="default"
          leftSection={<IconExternalLink size={15} />}
          renderRoot={(props) => (
            <Link {...props} to="/explore" search={{ q: [selector('nagios_perfdata_value', labels)] }} />
          )}
        >
          {w.explore}
        </Button>
        <Button
          variant="default"
          leftSection={<IconCalendarEvent size={15} />}
          renderRoot={(props) => (
            <Link {...props} to="/events" search={{ kind: ['check'], text: check.name }} />
          )}
        >
          {w.events}
        </Button>
        <RelatedButton point={{ labels, time: now }} />
      </div>
      <LabelChips labels={check.labels} />
      <Part title={c.course}>
        <div className={styles.tall}>
          <Strip
            label={w.strip(check.name)}
            from={strips?.from ?? 0}
            to={strips?.to ?? 0}
            cells={cells}
            tone={(s) => checkTone[s]}
            text={(s) => c.state[s]}
          />
        </div>
      </Part>
      {check.text !== '' && (
        <Part title={c.output}>
          <pre className={kit.pre}>{check.text}</pre>
        </Part>
      )}
      <Perfdata check={check} />
    </DetailPane>
  )
}

const height = 110

/** What a plugin measures: a small chart of each, with its limits. */
function Perfdata({ check }: { readonly check: Check }) {
  const c = useWords().check
  const scheme = useComputedColorScheme('dark', { getInitialValueInEffect: false })
  const step = chooseStep(useRangeSpan(), 120)
  const labels = checkLabels(check)
  const pairs = Object.entries(labels).map(([name, value]) => `${name}=${JSON.stringify(value)}`)
  const all = `{__name__=~"nagios_perfdata_(value|(warning|critical)_(low|high))", ${pairs.join(', ')}}`
  const live = useLiveFrame(all, step)
  const charts = useMemo(
    () => (live.data === undefined ? [] : perfCharts(live.data.frame, c)),
    [live.data, c],
  )
  const data = live.data
  const colors = {
    value: seriesColor(0, scheme),
    warning: scheme === 'dark' ? '#ecd06f' : '#9a6b00',
    critical: scheme === 'dark' ? '#ff7b72' : '#c92a3b',
  }
  return (
    <Part title={c.perfdata}>
      {data !== undefined && charts.length === 0 && <p className="muted">{c.perfdataNone}</p>}
      <div className={styles.charts}>
        {data !== undefined &&
          charts.map((chart) => (
            <Panel
              key={chart.key}
              title={chart.name}
              exprs={[selector('nagios_perfdata_value', { ...labels, perfdata: chart.name })]}
              extra={<b className="tnum">{formatValue(chart.last, chart.unit)}</b>}
            >
              <TimeChart
                label={chart.name}
                height={height}
                spec={{ style: 'line', unit: chart.unit }}
                data={{
                  times: data.frame.times,
                  from: data.from,
                  to: data.to,
                  series: chart.lines.map((line) => ({ ...line, color: colors[line.kind] })),
                }}
              />
            </Panel>
          ))}
      </div>
    </Part>
  )
}
