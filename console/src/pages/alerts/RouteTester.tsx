import { Button, Menu, TextInput } from '@mantine/core'
import { IconChevronDown } from '@tabler/icons-react'
import { useMemo } from 'react'
import { toldAlerts } from '@/api/alerting'
import type { ReceiverInfo, RouteTest } from '@/api/routing'
import type { Labels } from '@/api/types'
import { useMessages } from '@/i18n'
import { equality, matchersText } from '@/lib/alertMatchers'
import { severityOf, severityRank } from '@/lib/alerts'
import { ms } from '@/lib/brand'
import { formatDuration } from '@/lib/duration'
import { selector } from '@/lib/matcher'
import { ErrorNote } from './parts'
import styles from './RouteTester.module.css'
import { useCurrent } from './useAlerts'

interface RouteTesterProps {
  readonly text: string
  /** undefined as long as there is nothing to test. */
  readonly test: RouteTest | undefined
  readonly receivers: readonly ReceiverInfo[]
  readonly error: Error | null
  readonly mistaken: boolean
  readonly onText: (text: string) => void
}

const offeredMax = 15

const seconds = (value: number): string => formatDuration(ms(value * 1000))

/** Labels of an alert, and who would be told of it. */
export function RouteTester({ text, test, receivers, error, mistaken, onText }: RouteTesterProps) {
  const a = useMessages('alerts').alerts
  const r = a.routes
  const told = useCurrent(['told'], toldAlerts, { slowest: 5000 })
  // One of each name, the gravest first.
  const offered = useMemo(() => {
    const byName = new Map((told.data ?? []).map((alert) => [alert.labels.alertname ?? '', alert]))
    const rank = (labels: Labels) => severityRank(severityOf(labels))
    return [...byName.values()].sort((x, y) => rank(x.labels) - rank(y.labels)).slice(0, offeredMax)
  }, [told.data])
  const reached = (test?.routes ?? []).filter(({ receiver }) =>
    receivers.some(({ name, ways }) => name === receiver && ways.length > 0),
  )
  return (
    <section className={styles.tester} aria-label={r.tester}>
      <h2>{r.tester}</h2>
      <div className={styles.ask}>
        <TextInput
          data-main-input
          className={styles.input}
          aria-label={r.testerLabel}
          placeholder={r.testerHint}
          value={text}
          spellCheck={false}
          error={mistaken ? r.mistakeEquals : undefined}
          onChange={(event) => onText(event.currentTarget.value)}
        />
        <Menu position="bottom-end" withinPortal width={520}>
          <Menu.Target>
            <Button
              variant="default"
              h={36}
              rightSection={<IconChevronDown size={14} />}
              disabled={(told.data ?? []).length === 0}
            >
              {r.pick}
            </Button>
          </Menu.Target>
          <Menu.Dropdown>
            {offered.map(({ fingerprint, labels }) => (
              <Menu.Item
                key={fingerprint}
                onClick={() =>
                  onText(matchersText(Object.entries(labels).map(([name, value]) => equality(name, value))))
                }
              >
                <code className="mono clip" style={{ display: 'block' }}>
                  {selector('', labels)}
                </code>
              </Menu.Item>
            ))}
          </Menu.Dropdown>
        </Menu>
      </div>
      {error !== null && <ErrorNote text={error.message} />}
      {test === undefined ? (
        <p className="muted">{r.testerHelp}</p>
      ) : (
        <div className={styles.verdict} role="status">
          <span>
            {r.told}{' '}
            {reached.length === 0 ? (
              <b data-nobody>{r.nobody}</b>
            ) : (
              <b>{reached.map(({ receiver }) => receiver).join(', ')}</b>
            )}
            {test.silencedBy.length > 0 && <em>, {r.silenced(test.silencedBy.length)}</em>}
            {test.inhibitedBy.length > 0 && <em>, {r.inhibited}</em>}
          </span>
          {test.routes.map((hit) => (
            <span key={hit.id} className="muted">
              {hit.receiver}: {a.detail.group} <code className="mono">{selector('', hit.groupLabels)}</code> ·{' '}
              {a.detail.wait(seconds(hit.groupWaitSeconds), seconds(hit.repeatIntervalSeconds))}
            </span>
          ))}
        </div>
      )}
    </section>
  )
}
