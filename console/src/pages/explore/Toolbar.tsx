import { Button, Menu, Text } from '@mantine/core'
import { IconBulb, IconHistory, IconLink, IconPlayerPlay, IconZoomCode } from '@tabler/icons-react'
import { useMessages } from '@/i18n'
import { dateTimeText } from '@/lib/clockText'
import { useTimeState } from '@/state/timeSearch'
import { useCopy } from '@/components/useCopy'
import { history } from './history'
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
  const x = t.explore
  const copy = useCopy()
  const examples = useExamples()
  return (
    <>
      <Menu position="bottom-start" withinPortal width={440}>
        <Menu.Target>
          <Button variant="subtle" color="gray" leftSection={<IconBulb size={15} />}>
            {x.examples}
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
      <HistoryMenu onPick={onPick} />
      <div className={styles.end}>
        <Button
          variant="subtle"
          color={inspecting ? 'ember' : 'gray'}
          leftSection={<IconZoomCode size={15} />}
          onClick={onInspect}
          aria-pressed={inspecting}
        >
          {x.inspector}
        </Button>
        <Button
          variant="subtle"
          color="gray"
          leftSection={<IconLink size={15} />}
          onClick={() => void copy(window.location.href, x.shareCopied)}
        >
          {x.share}
        </Button>
        <Button leftSection={<IconPlayerPlay size={14} />} onClick={onRun} loading={running}>
          {x.run}
        </Button>
      </div>
    </>
  )
}

function HistoryMenu({ onPick }: { readonly onPick: (expr: string) => void }) {
  const t = useMessages()
  const x = t.explore
  const { zone } = useTimeState()
  const entries = history.use()
  return (
    <Menu position="bottom-start" withinPortal width={480}>
      <Menu.Target>
        <Button variant="subtle" color="gray" leftSection={<IconHistory size={15} />}>
          {x.history}
        </Button>
      </Menu.Target>
      <Menu.Dropdown className={styles.menu}>
        {entries.length === 0 && <p className={styles.note}>{x.historyEmpty}</p>}
        {entries.map(({ expr, at }) => (
          <Menu.Item key={expr} onClick={() => onPick(expr)}>
            <code className={`${styles.recent} mono clip`}>{expr}</code>
            <span className="muted tnum">{dateTimeText(at, zone)}</span>
          </Menu.Item>
        ))}
        {entries.length > 0 && (
          <>
            <Menu.Divider />
            <Menu.Item onClick={() => history.set([])}>{x.historyClear}</Menu.Item>
          </>
        )}
      </Menu.Dropdown>
    </Menu>
  )
}
