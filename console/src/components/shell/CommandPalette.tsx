import { Modal, TextInput, useMantineColorScheme } from '@mantine/core'
import {
  IconChartLine,
  IconLanguage,
  IconMoon,
  IconSearch,
  IconTimeline,
  type Icon,
} from '@tabler/icons-react'
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { useMemo, useState, type KeyboardEvent } from 'react'
import { searchValues } from '@/api/catalog'
import { language, useMessages } from '@/i18n'
import { rankMatches } from '@/lib/fuzzy'
import { selector } from '@/lib/matcher'
import { traceIdPattern } from '@/state/traceSearch'
import styles from './CommandPalette.module.css'
import { screens } from './screens'

interface Command {
  readonly id: string
  readonly group: string
  readonly label: string
  readonly icon: Icon
  readonly run: () => void
}

/** More than this is noise; typing narrows it. */
const metricsMax = 40

export function CommandPalette({ onClose }: { readonly onClose: () => void }) {
  const t = useMessages('palette')
  const navigate = useNavigate()
  const { toggleColorScheme } = useMantineColorScheme()
  const [text, setText] = useState('')
  const [active, setActive] = useState(0)
  const names = useQuery({
    queryKey: ['metric-search', text],
    queryFn: ({ signal }) => searchValues('__name__', text, undefined, metricsMax, signal),
    enabled: text !== '',
    placeholderData: keepPreviousData,
    staleTime: 60_000,
  })
  const commands = useMemo((): Command[] => {
    const fixed: Command[] = [
      ...screens.map(({ name, to, icon }) => ({
        id: name,
        group: t.palette.screens,
        label: t.nav[name],
        icon,
        run: () => void navigate({ to }),
      })),
      {
        id: 'theme',
        group: t.palette.actions,
        label: t.palette.toggleTheme,
        icon: IconMoon,
        run: toggleColorScheme,
      },
      {
        id: 'language',
        group: t.palette.actions,
        label: t.palette.switchLanguage,
        icon: IconLanguage,
        run: () => language.set(language.get() === 'en' ? 'zh' : 'en'),
      },
    ]
    const metrics = text === '' ? [] : rankMatches(names.data ?? [], text, (name) => name, metricsMax)
    const id = text.trim().toLowerCase()
    const trace: Command[] = traceIdPattern.test(id)
      ? [
          {
            id: 'trace',
            group: t.nav.traces,
            label: t.palette.openTrace(id),
            icon: IconTimeline,
            run: () => void navigate({ to: '/traces/$id', params: { id } }),
          },
        ]
      : []
    return [
      ...trace,
      ...rankMatches(fixed, text, (command) => command.label, fixed.length),
      ...metrics.map((name) => ({
        id: `metric:${name}`,
        group: t.palette.metrics,
        label: name,
        icon: IconChartLine,
        run: () => void navigate({ to: '/explore', search: { q: [selector(name, {})] } }),
      })),
    ]
  }, [t, navigate, toggleColorScheme, names.data, text])

  const pick = (command: Command | undefined) => {
    if (command === undefined) return
    onClose()
    command.run()
  }
  const onKeyDown = (event: KeyboardEvent) => {
    const move = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0
    if (move !== 0) {
      event.preventDefault()
      const next = (active + move + commands.length) % Math.max(commands.length, 1)
      setActive(next)
      document.getElementById(`command-${next}`)?.scrollIntoView({ block: 'nearest' })
    } else if (event.key === 'Enter') {
      event.preventDefault()
      pick(commands[active])
    }
  }
  return (
    <Modal
      opened
      onClose={onClose}
      withCloseButton={false}
      padding={0}
      size="lg"
      yOffset="12vh"
      aria-label={t.top.palette}
    >
      <TextInput
        data-autofocus
        size="md"
        variant="unstyled"
        className={styles.input}
        leftSection={<IconSearch size={17} />}
        placeholder={t.palette.placeholder}
        aria-label={t.palette.placeholder}
        role="combobox"
        aria-expanded
        aria-controls="commands"
        aria-activedescendant={commands.length > 0 ? `command-${active}` : undefined}
        value={text}
        onChange={(event) => {
          setText(event.currentTarget.value)
          setActive(0)
        }}
        onKeyDown={onKeyDown}
      />
      <div id="commands" role="listbox" aria-label={t.top.palette} className={styles.list}>
        {commands.map((command, index) => (
          <div key={command.id}>
            {command.group !== commands[index - 1]?.group && (
              <div className={styles.group}>{command.group}</div>
            )}
            <div
              id={`command-${index}`}
              role="option"
              aria-selected={index === active}
              className={styles.option}
              onMouseMove={() => setActive(index)}
              onClick={() => pick(command)}
            >
              <command.icon size={16} stroke={1.6} aria-hidden />
              <span className={command.id.startsWith('metric:') ? 'mono clip' : 'clip'}>{command.label}</span>
            </div>
          </div>
        ))}
        {commands.length === 0 && <p className={styles.empty}>{t.palette.empty}</p>}
      </div>
      <footer className={styles.hint}>{t.palette.hint}</footer>
    </Modal>
  )
}
