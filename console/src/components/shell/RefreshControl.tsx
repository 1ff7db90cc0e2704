import { ActionIcon } from '@mantine/core'
import { IconChevronDown, IconRefresh } from '@tabler/icons-react'
import { useIsFetching } from '@tanstack/react-query'
import { Tooltip } from '../Tooltip'
import { useMessages } from '@/i18n'
import { liveKey, useRefreshNow } from '@/state/live'
import { refreshChoices, useTimeState, type RefreshChoice } from '@/state/timeSearch'
import { Choices, loadMenu } from './Choices'
import styles from './RefreshControl.module.css'
import { useDropdown } from './useDropdown'

export function RefreshControl() {
  const t = useMessages()
  const { range, refresh, setRefresh } = useTimeState()
  const beat = useRefreshNow()
  const busy = useIsFetching({ queryKey: [liveKey] }) > 0
  const menu = useDropdown('menu', loadMenu)
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
      <button
        type="button"
        className={styles.choice}
        aria-label={`${t.top.refreshEvery}: ${fixed ? t.top.paused : name(refresh)}`}
        {...menu.control}
      >
        <span
          className={styles.dot}
          data-beating={beating || undefined}
          data-off={fixed || refresh === 'off' || undefined}
        />
        <span className={styles.name}>{fixed ? t.top.paused : name(refresh)}</span>
        <IconChevronDown size={14} aria-hidden />
      </button>
      <Choices
        at={menu.at}
        onClose={menu.close}
        label={t.top.refreshEvery}
        title={t.top.refreshEvery}
        choices={refreshChoices.map((choice) => ({
          key: choice,
          name: name(choice),
          current: choice === refresh,
          pick: () => setRefresh(choice),
        }))}
      />
    </div>
  )
}
