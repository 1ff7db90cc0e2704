import { Menu, Portal } from '@mantine/core'
import type { ReactNode } from 'react'

export interface Choice {
  readonly key: string
  readonly name: string
  readonly lang?: string
  readonly icon?: ReactNode
  readonly current: boolean
  readonly pick: () => void
}

interface MenuAtProps {
  readonly at: DOMRect
  readonly label: string
  readonly title?: string
  readonly choices: readonly Choice[]
  readonly onClose: () => void
}

/** A menu of one choice, below a control. */
export function MenuAt({ at, label, title, choices, onClose }: MenuAtProps) {
  const { left, top, width, height } = at
  return (
    <Portal>
      <Menu opened onChange={(opened) => !opened && onClose()} position="bottom-end" withinPortal>
        <Menu.Target>
          <i
            aria-label={label}
            style={{ position: 'fixed', left, top, width, height, pointerEvents: 'none' }}
          />
        </Menu.Target>
        <Menu.Dropdown>
          {title !== undefined && <Menu.Label>{title}</Menu.Label>}
          {choices.map(({ key, name, lang, icon, current, pick }) => (
            <Menu.Item
              key={key}
              lang={lang}
              leftSection={icon}
              aria-current={current}
              fw={current ? 600 : 400}
              onClick={pick}
            >
              {name}
            </Menu.Item>
          ))}
        </Menu.Dropdown>
      </Menu>
    </Portal>
  )
}
