import { ActionIcon, Kbd, Menu, Tooltip, useMantineColorScheme } from '@mantine/core'
import {
  IconDeviceDesktop,
  IconKeyboard,
  IconLanguage,
  IconMoon,
  IconSearch,
  IconSun,
} from '@tabler/icons-react'
import { language, useMessages } from '@/i18n'
import { Flame } from './Flame'
import { RefreshControl } from './RefreshControl'
import { TimeControl } from './TimeControl'
import styles from './TopBar.module.css'

interface TopBarProps {
  readonly onPalette: () => void
  readonly onHelp: () => void
}

export function TopBar({ onPalette, onHelp }: TopBarProps) {
  const t = useMessages()
  return (
    <header className={styles.bar}>
      <div className={styles.mark}>
        <Flame size={24} />
      </div>
      <button type="button" className={styles.search} onClick={onPalette} aria-label={t.top.palette}>
        <IconSearch size={15} aria-hidden />
        <span className="clip">{t.top.palette}</span>
        <Kbd size="xs">{/mac/i.test(navigator.userAgent) ? '⌘' : 'Ctrl'} K</Kbd>
      </button>
      <div className={styles.right}>
        <TimeControl />
        <RefreshControl />
        <span className={styles.rule} aria-hidden />
        <LanguageSwitch />
        <ThemeSwitch />
        <Tooltip label={`${t.top.help}  ?`}>
          <ActionIcon className={styles.wideOnly} size="lg" onClick={onHelp} aria-label={t.top.help}>
            <IconKeyboard size={18} stroke={1.6} />
          </ActionIcon>
        </Tooltip>
      </div>
    </header>
  )
}

function LanguageSwitch() {
  const t = useMessages()
  const current = language.use()
  return (
    <Menu position="bottom-end" withinPortal>
      <Menu.Target>
        <Tooltip label={t.top.language}>
          <ActionIcon size="lg" aria-label={t.top.language}>
            <IconLanguage size={18} stroke={1.6} />
          </ActionIcon>
        </Tooltip>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item
          onClick={() => language.set('en')}
          lang="en"
          aria-current={current === 'en'}
          fw={current === 'en' ? 600 : 400}
        >
          English
        </Menu.Item>
        <Menu.Item
          onClick={() => language.set('zh')}
          lang="zh-CN"
          aria-current={current === 'zh'}
          fw={current === 'zh' ? 600 : 400}
        >
          简体中文
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  )
}

function ThemeSwitch() {
  const t = useMessages()
  const { colorScheme, setColorScheme } = useMantineColorScheme()
  const choices = [
    { scheme: 'light', label: t.top.light, icon: IconSun },
    { scheme: 'dark', label: t.top.dark, icon: IconMoon },
    { scheme: 'auto', label: t.top.auto, icon: IconDeviceDesktop },
  ] as const
  const Current = choices.find(({ scheme }) => scheme === colorScheme)?.icon ?? IconDeviceDesktop
  return (
    <Menu position="bottom-end" withinPortal>
      <Menu.Target>
        <Tooltip label={t.top.theme}>
          <ActionIcon size="lg" aria-label={t.top.theme}>
            <Current size={18} stroke={1.6} />
          </ActionIcon>
        </Tooltip>
      </Menu.Target>
      <Menu.Dropdown>
        {choices.map(({ scheme, label, icon: Icon }) => (
          <Menu.Item
            key={scheme}
            leftSection={<Icon size={15} stroke={1.6} />}
            aria-current={scheme === colorScheme}
            fw={scheme === colorScheme ? 600 : 400}
            onClick={() => setColorScheme(scheme)}
          >
            {label}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  )
}
