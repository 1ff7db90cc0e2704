import { ActionIcon, Menu, Tooltip } from '@mantine/core'
import { IconChevronDown, IconRefresh } from '@tabler/icons-react'
import { useIsFetching } from '@tanstack/react-query'
import { useMessages } from '@/i18n'
import { liveKey, useRefreshNow } from '@/state/live'
import { refreshChoices, useTimeState, type RefreshChoice } from '@/state/timeSearch'
import styles from './RefreshControl.module.css'

export function RefreshControl() {
  const t = useMessages()
  const { range, refresh, setRefresh } = useTimeState()
  const beat = useRefreshNow()
  const busy = useIsFetching({ queryKey: [liveKey] }) > 0
  const fixed = range.to.kind === 'absolute'
  const name = (choice: RefreshChoice) =>
    choice === 'live' ? t.top.live : choice === 'off' ? t.top.off : choice
  const beating = refresh === 'live' && !fixed
  return (
    <div className={styles.control}>
      <Tooltip label={t.top.refreshNow}>
        <ActionIcon
          className={styles.now}
          size="lg"
          onClick={beat}
          aria-label={t.top.refreshNow}
          data-busy={busy || undefined}
        >
          <IconRefresh size={17} stroke={1.6} />
        </ActionIcon>
      </Tooltip>
      <Menu position="bottom-end" withinPortal>
        <Menu.Target>
          <button
            type="button"
            className={styles.choice}
            aria-label={`${t.top.refreshEvery}: ${fixed ? t.top.paused : name(refresh)}`}
          >
            <span
              className={styles.dot}
              data-beating={beating || undefined}
              data-off={fixed || refresh === 'off' || undefined}
            />
            <span className={styles.name}>{fixed ? t.top.paused : name(refresh)}</span>
            <IconChevronDown size={14} aria-hidden />
          </button>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Label>{t.top.refreshEvery}</Menu.Label>
          {refreshChoices.map((choice) => (
            <Menu.Item
              key={choice}
              aria-current={choice === refresh}
              fw={choice === refresh ? 600 : 400}
              onClick={() => setRefresh(choice)}
            >
              {name(choice)}
            </Menu.Item>
          ))}
        </Menu.Dropdown>
      </Menu>
    </div>
  )
}
