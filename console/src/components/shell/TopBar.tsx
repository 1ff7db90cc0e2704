import { ActionIcon, Kbd, useMantineColorScheme } from '@mantine/core'
import {
  IconDeviceDesktop,
  IconKeyboard,
  IconLanguage,
  IconMoon,
  IconSearch,
  IconSun,
} from '@tabler/icons-react'
import { language, useMessages } from '@/i18n'
import { Choices, loadMenu } from './Choices'
import { Flame } from './Flame'
import { RefreshControl } from './RefreshControl'
import { TimeControl } from './TimeControl'
import { Tooltip } from '../Tooltip'
import styles from './TopBar.module.css'
import { useDropdown } from './useDropdown'

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
  const menu = useDropdown('menu', loadMenu)
  return (
    <>
      <Tooltip label={t.top.language}>
        <ActionIcon size="lg" aria-label={t.top.language} {...menu.control}>
          <IconLanguage size={18} stroke={1.6} />
        </ActionIcon>
      </Tooltip>
      <Choices
        at={menu.at}
        onClose={menu.close}
        label={t.top.language}
        choices={[
          {
            key: 'en',
            name: 'English',
            lang: 'en',
            current: current === 'en',
            pick: () => language.set('en'),
          },
          {
            key: 'zh',
            name: '简体中文',
            lang: 'zh-CN',
            current: current === 'zh',
            pick: () => language.set('zh'),
          },
        ]}
      />
    </>
  )
}

function ThemeSwitch() {
  const t = useMessages()
  const { colorScheme, setColorScheme } = useMantineColorScheme()
  const menu = useDropdown('menu', loadMenu)
  const schemes = [
    { scheme: 'light', name: t.top.light, icon: IconSun },
    { scheme: 'dark', name: t.top.dark, icon: IconMoon },
    { scheme: 'auto', name: t.top.auto, icon: IconDeviceDesktop },
  ] as const
  const Current = schemes.find(({ scheme }) => scheme === colorScheme)?.icon ?? IconDeviceDesktop
  return (
    <>
      <Tooltip label={t.top.theme}>
        <ActionIcon size="lg" aria-label={t.top.theme} {...menu.control}>
          <Current size={18} stroke={1.6} />
        </ActionIcon>
      </Tooltip>
      <Choices
        at={menu.at}
        onClose={menu.close}
        label={t.top.theme}
        choices={schemes.map(({ scheme, name, icon: Icon }) => ({
          key: scheme,
          name,
          icon: <Icon size={15} stroke={1.6} />,
          current: scheme === colorScheme,
          pick: () => setColorScheme(scheme),
        }))}
      />
    </>
  )
}
