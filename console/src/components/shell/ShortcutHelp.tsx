import { Kbd, Modal } from '@mantine/core'
import { Fragment } from 'react'
import { useMessages } from '@/i18n'
import { screens } from './screens'
import styles from './ShortcutHelp.module.css'

export function ShortcutHelp({ onClose }: { readonly onClose: () => void }) {
  const t = useMessages('shortcuts')
  const s = t.shortcuts
  const mod = /mac/i.test(navigator.userAgent) ? '⌘' : 'Ctrl'
  const groups: readonly [string, readonly (readonly [readonly string[], string])[]][] = [
    [
      s.anywhere,
      [
        [[mod, 'K'], s.palette],
        [['/'], s.focus],
        [['Enter'], s.run],
        [['d'], s.theme],
        [['\\'], s.nav],
        [['?'], s.help],
      ],
    ],
    [
      s.time,
      [
        [['r'], s.refresh],
        [['['], s.earlier],
        [[']'], s.later],
        [['-'], s.zoomOut],
      ],
    ],
    [
      t.nav.logs,
      [
        [['j', 'k'], t.shortcuts.logs.move],
        [['o'], t.shortcuts.logs.open],
        [['c'], t.shortcuts.logs.context],
        [['w'], t.shortcuts.logs.view],
        [['f'], t.shortcuts.logs.fields],
        [['p'], t.shortcuts.logs.tail],
      ],
    ],
    [
      t.nav.traces,
      [
        [['j', 'k'], t.shortcuts.traces.rows],
        [['o'], t.shortcuts.traces.open],
        [['←', '→', 'Enter'], t.shortcuts.traces.fold],
        [['a'], t.shortcuts.traces.foldAll],
        [['n', 'N'], t.shortcuts.traces.match],
        [['e', 'E'], t.shortcuts.traces.error],
        [['c'], t.shortcuts.traces.path],
        [['z', '0'], t.shortcuts.traces.zoom],
        [['x'], t.shortcuts.traces.close],
      ],
    ],
    [
      t.nav.errors,
      [
        [['j', 'k'], t.shortcuts.errors.move],
        [['Enter'], t.shortcuts.errors.open],
        [['x', 'X'], t.shortcuts.errors.mark],
        [['*', 'Esc'], t.shortcuts.errors.all],
        [['e'], t.shortcuts.errors.resolve],
        [['i'], t.shortcuts.errors.ignore],
        [['a'], t.shortcuts.errors.assign],
        [['m'], t.shortcuts.errors.merge],
        [['u'], t.shortcuts.errors.back],
      ],
    ],
    [
      t.nav.events,
      [
        [['j', 'k'], t.shortcuts.events.move],
        [['x'], t.shortcuts.events.close],
      ],
    ],
    [
      t.nav.alerts,
      [
        [['j', 'k'], t.shortcuts.alerts.move],
        [['s'], t.shortcuts.alerts.silence],
        [['e'], t.shortcuts.alerts.explore],
        [['x'], t.shortcuts.alerts.close],
        [['n'], t.shortcuts.alerts.newSilence],
      ],
    ],
    [s.go, screens.map(({ key, name }) => [['g', key], t.nav[name]] as const)],
  ]
  return (
    <Modal
      opened
      onClose={onClose}
      title={s.title}
      size="md"
      closeButtonProps={{ 'aria-label': t.common.close }}
    >
      <dl className={styles.list}>
        {groups.map(([title, rows]) => (
          <Fragment key={title}>
            <h3>{title}</h3>
            {rows.map(([keys, does]) => (
              <div key={does + keys.join('')}>
                <dt>{does}</dt>
                <dd>
                  {keys.map((key) => (
                    <Kbd key={key} size="sm">
                      {key}
                    </Kbd>
                  ))}
                </dd>
              </div>
            ))}
          </Fragment>
        ))}
      </dl>
    </Modal>
  )
}
