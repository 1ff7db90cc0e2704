import { Button, Menu, Text } from '@mantine/core'
import { IconBulb, IconLink, IconPlayerPlay, IconZoomCode } from '@tabler/icons-react'
import { EventsToggle } from '@/components/chart/EventMarks'
import { HistoryMenu } from '@/components/HistoryMenu'
import { useCopy } from '@/components/useCopy'
import { useMessages } from '@/i18n'
import { promqlHistory } from '@/state/queryHistory'
import styles from './Toolbar.module.css'
import { useExamples } from './useExamples'

interface ToolbarProps {
  readonly onPick: (expr: string) => void
  readonly onRun: () => void
  readonly running: boolean
  readonly inspecting: boolean
  readonly onInspect: () => void
}

export function Toolbar({ onPick, onRun, running, inspecting, onInspect }: ToolbarProps) {
  const t = useMessages()
  const copy = useCopy()
  const examples = useExamples()
  return (
    <>
      <Menu position="bottom-start" withinPortal width={440}>
        <Menu.Target>
          <Button variant="subtle" color="gray" leftSection={<IconBulb size={15} />}>
            {t.query.examples}
          </Button>
        </Menu.Target>
        <Menu.Dropdown className={styles.menu}>
          {examples.map(({ title, expr }) => (
            <Menu.Item key={title} onClick={() => onPick(expr)}>
              <Text size="sm">{title}</Text>
              <code className={`${styles.expr} mono clip`}>{expr}</code>
            </Menu.Item>
          ))}
        </Menu.Dropdown>
      </Menu>
      <HistoryMenu history={promqlHistory} onPick={onPick} />
      <div className={styles.end}>
        <EventsToggle />
        <Button
          variant="subtle"
          color={inspecting ? 'ember' : 'gray'}
          leftSection={<IconZoomCode size={15} />}
          onClick={onInspect}
          aria-pressed={inspecting}
        >
          {t.query.inspector}
        </Button>
        <Button
          variant="subtle"
          color="gray"
          leftSection={<IconLink size={15} />}
          onClick={() => void copy(window.location.href, t.query.shareCopied)}
        >
          {t.query.share}
        </Button>
        <Button leftSection={<IconPlayerPlay size={14} />} onClick={onRun} loading={running}>
          {t.query.run}
        </Button>
      </div>
    </>
  )
}
