import { Button, Code, Select } from '@mantine/core'
import { IconFlame, IconHistory } from '@tabler/icons-react'
import { EventMarks, EventsToggle } from '@/components/chart/EventMarks'
import { Message } from '@/components/Message'
import { useMessages } from '@/i18n'
import { formatUptime } from '@/lib/ago'
import { endsNow } from '@/lib/time'
import { useNow } from '@/state/live'
import { useTimeState } from '@/state/timeSearch'
import { defaultRange } from '@/lib/time'
import { MachineCharts } from './MachineCharts'
import styles from './MachinePage.module.css'
import { ProcessTable } from './ProcessTable'
import { StatusTiles } from './StatusTiles'
import type { Host } from '@/state/hosts'
import { useFacts, useHosts, useMachine } from './useMachine'

/** What people look at first: is this machine well, and if not, where does it hurt. */
export function MachinePage() {
  const t = useMessages('machine')
  const { hosts, chosen, loading, error } = useHosts()
  if (chosen === null && (loading || error !== null))
    return <h1 className={styles.title}>{t.machine.title}</h1>
  if (chosen === null) return <NoMachine />
  return <MachineView host={chosen} hosts={hosts} />
}

function NoMachine() {
  const t = useMessages('machine')
  return (
    <Message icon={<IconFlame size={44} stroke={1.3} />} title={t.machine.empty}>
      <p>{t.machine.emptyHint}</p>
      <Code block>{`watchfire agent --to ${window.location.origin}`}</Code>
    </Message>
  )
}

function MachineView({ host, hosts }: { readonly host: Host; readonly hosts: readonly Host[] }) {
  const t = useMessages('machine')
  const { range, setHost, setRange } = useTimeState()
  const facts = useFacts(host)
  const machine = useMachine(host)
  const nothing = machine.load.data?.frame.times.length === 0 && machine.cpu.data?.frame.times.length === 0
  return (
    <div className={styles.page}>
      <header className={styles.header}>
        <h1 className={styles.title}>{t.machine.title}</h1>
        {hosts.length > 1 ? (
          <Select
            aria-label={t.machine.host}
            data={hosts.map((h) => h.instance)}
            value={host.instance}
            onChange={(value) => value !== null && setHost(value)}
            allowDeselect={false}
            searchable={hosts.length > 8}
            size="xs"
          />
        ) : (
          <span className={styles.host}>{host.instance}</span>
        )}
        <FactLine facts={facts} />
        <EventsToggle />
      </header>
      {nothing && !endsNow(range) ? (
        <Message
          icon={<IconHistory size={40} stroke={1.4} />}
          title={t.machine.emptyRange}
          actions={<Button onClick={() => setRange(defaultRange)}>{t.machine.latest}</Button>}
        >
          {t.machine.emptyRangeHint}
        </Message>
      ) : (
        <>
          <StatusTiles machine={machine} cores={facts?.cores ?? null} />
          <EventMarks>
            <MachineCharts machine={machine} cores={facts?.cores ?? null} />
          </EventMarks>
        </>
      )}
      <ProcessTable host={host.instance} />
    </div>
  )
}

function FactLine({ facts }: { readonly facts: ReturnType<typeof useFacts> }) {
  const t = useMessages('machine')
  const now = useNow()
  if (facts === null) return null
  const parts = [
    facts.system,
    facts.kernel,
    facts.cores === null ? '' : t.machine.cores(facts.cores),
    facts.bootTime === null
      ? ''
      : `${t.machine.uptime} ${formatUptime(now / 1000 - facts.bootTime, t.locale)}`,
  ]
  return (
    <ul className={styles.facts}>
      {parts
        .filter((part) => part !== '')
        .map((part) => (
          <li key={part}>{part}</li>
        ))}
    </ul>
  )
}
