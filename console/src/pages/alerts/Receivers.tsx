import { Button, Tooltip } from '@mantine/core'
import { IconSend } from '@tabler/icons-react'
import { useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { sendTest, type ReceiverInfo, type TestSent } from '@/api/routing'
import { useMessages } from '@/i18n'
import { formatSeconds } from '@/lib/units'
import styles from './DeliveriesTab.module.css'
import { ErrorNote } from './parts'
import { alertsKey } from './useAlerts'

/** Who can be told and through what; each can be tried. */
export function Receivers({ receivers }: { readonly receivers: readonly ReceiverInfo[] }) {
  const d = useMessages('alerts').alerts.deliveries
  return (
    <section className={styles.panel} aria-label={d.receivers}>
      <h2>{d.receivers}</h2>
      <ul className={styles.receivers}>
        {receivers.map((receiver) => (
          <li key={receiver.name}>
            <Receiver receiver={receiver} />
          </li>
        ))}
      </ul>
    </section>
  )
}

function Receiver({ receiver }: { readonly receiver: ReceiverInfo }) {
  const d = useMessages('alerts').alerts.deliveries
  const client = useQueryClient()
  const [busy, setBusy] = useState(false)
  const [results, setResults] = useState<readonly TestSent[]>([])
  const [refused, setRefused] = useState<string | null>(null)
  const test = async () => {
    setBusy(true)
    setRefused(null)
    setResults([])
    try {
      setResults(await sendTest(receiver.name, null))
    } catch (cause) {
      setRefused(cause instanceof Error ? cause.message : String(cause))
    }
    setBusy(false)
    void client.invalidateQueries({ queryKey: [alertsKey, 'journal'] })
  }
  return (
    <>
      <header>
        <b>{receiver.name}</b>
        {receiver.ways.length > 0 && (
          <Tooltip label={d.testHelp} multiline maw={280}>
            <Button
              variant="default"
              loading={busy}
              leftSection={<IconSend size={14} />}
              aria-label={`${d.test}: ${receiver.name}`}
              onClick={() => void test()}
            >
              {d.test}
            </Button>
          </Tooltip>
        )}
      </header>
      {receiver.ways.length === 0 && <span className="muted">{d.noWays}</span>}
      <ul className={styles.ways}>
        {receiver.ways.map((way) => {
          const result = results.find(({ kind, index }) => kind === way.kind && index === way.index)
          return (
            <li key={`${way.kind} ${way.index}`}>
              <code>{way.kind}</code>{' '}
              {result === undefined ? (
                <span className="muted">{way.sendResolved && d.sendsResolved}</span>
              ) : (
                <span role="status" data-delivered={result.delivered}>
                  {result.delivered ? d.delivered(formatSeconds(result.seconds)) : result.error}
                </span>
              )}
            </li>
          )
        })}
      </ul>
      {refused !== null && <ErrorNote text={refused} />}
    </>
  )
}
