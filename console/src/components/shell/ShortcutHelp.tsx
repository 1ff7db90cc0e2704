import { Kbd, Modal } from '@mantine/core'
import { Fragment } from 'react'
import { useMessages } from '@/i18n'
import { screens } from './screens'
import styles from './ShortcutHelp.module.css'

export function ShortcutHelp({ onClose }: { readonly onClose: () => void }) {
  const t = useMessages()
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
        [['j', 'k'], t.logs.keys.move],
        [['o'], t.logs.keys.open],
        [['c'], t.logs.keys.context],
        [['w'], t.logs.keys.view],
        [['f'], t.logs.keys.fields],
        [['p'], t.logs.keys.tail],
      ],
    ],
    [
      t.nav.traces,
      [
        [['j', 'k'], t.traces.keys.rows],
        [['o'], t.traces.keys.open],
        [['←', '→', 'Enter'], t.traces.keys.fold],
        [['a'], t.traces.keys.foldAll],
        [['n', 'N'], t.traces.keys.match],
        [['e', 'E'], t.traces.keys.error],
        [['c'], t.traces.keys.path],
        [['z', '0'], t.traces.keys.zoom],
        [['x'], t.traces.keys.close],
      ],
    ],
    [
      t.nav.alerts,
      [
        [['j', 'k'], t.alerts.keys.move],
        [['s'], t.alerts.keys.silence],
        [['e'], t.alerts.keys.explore],
        [['x'], t.alerts.keys.close],
        [['n'], t.alerts.keys.newSilence],
      ],
    ],
    [
      t.nav.events,
      [
        [['j', 'k'], t.events.keys.move],
        [['x'], t.events.keys.close],
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
