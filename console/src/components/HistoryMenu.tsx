import { Button, Menu } from '@mantine/core'
import { IconHistory } from '@tabler/icons-react'
import { useMessages } from '@/i18n'
import { dateTimeText } from '@/lib/clockText'
import type { QueryHistory } from '@/state/queryHistory'
import { useTimeState } from '@/state/timeSearch'
import styles from './HistoryMenu.module.css'

interface HistoryMenuProps {
  readonly history: QueryHistory
  readonly onPick: (expr: string) => void
}

/** What was asked before, in this browser. */
export function HistoryMenu({ history, onPick }: HistoryMenuProps) {
  const t = useMessages().query
  const { zone } = useTimeState()
  const entries = history.entries.use()
  return (
    <Menu position="bottom-start" withinPortal width={480}>
      <Menu.Target>
        <Button variant="subtle" color="gray" leftSection={<IconHistory size={15} />}>
          {t.history}
        </Button>
      </Menu.Target>
      <Menu.Dropdown className={styles.menu}>
        {entries.length === 0 && <p className={styles.note}>{t.historyEmpty}</p>}
        {entries.map(({ expr, at }) => (
          <Menu.Item key={expr} onClick={() => onPick(expr)}>
            <code className={`${styles.recent} mono clip`}>{expr}</code>
            <span className="muted tnum">{dateTimeText(at, zone)}</span>
          </Menu.Item>
        ))}
        {entries.length > 0 && (
          <>
            <Menu.Divider />
            <Menu.Item onClick={() => history.entries.set([])}>{t.historyClear}</Menu.Item>
          </>
        )}
      </Menu.Dropdown>
    </Menu>
  )
}
