import { Button, Menu, Popover } from '@mantine/core'
import {
  IconArrowBackUp,
  IconArrowMerge,
  IconBellOff,
  IconCheck,
  IconChevronDown,
  IconUser,
} from '@tabler/icons-react'
import { useMessages } from '@/i18n'
import type { IssueAction, IssueStatus } from '@/api/errors'
import styles from './ActionBar.module.css'
import { AssignForm } from './AssignForm'
import { IgnoreForm } from './IgnoreForm'

export type OpenAction = 'resolve' | 'ignore' | 'assign' | null

interface ActionBarProps {
  /** What the actions are for: of one its state is known. */
  readonly count: number
  readonly status: IssueStatus | null
  readonly assigned: string | null
  readonly people: readonly string[]
  /** Releases that it can be resolved in, the newest first. */
  readonly releases: readonly string[]
  readonly busy: boolean
  readonly open: OpenAction
  readonly onOpen: (open: OpenAction) => void
  readonly onAct: (action: IssueAction) => void
  readonly onMerge: () => void
}

const releasesMax = 12

/** What can be done about issues. */
export function ActionBar(props: ActionBarProps) {
  const { count, status, assigned, people, releases, busy, open, onOpen, onAct, onMerge } = props
  const a = useMessages('inbox').inbox.actions
  const none = count === 0 || busy
  const close = () => onOpen(null)
  const act = (action: IssueAction) => {
    close()
    onAct(action)
  }
  const toggle = (name: OpenAction) => onOpen(open === name ? null : name)
  const done = status === 'resolved' || status === 'ignored'
  return (
    <div className={styles.bar} role="toolbar" aria-label={a.label}>
      {done ? (
        <Button
          leftSection={<IconArrowBackUp size={15} />}
          disabled={none}
          onClick={() => act({ action: 'unresolve' })}
          title={`${a.unresolve}  e`}
        >
          {a.unresolve}
        </Button>
      ) : (
        <span className={styles.pair}>
          <Button
            leftSection={<IconCheck size={15} />}
            disabled={none}
            onClick={() => act({ action: 'resolve' })}
            title={`${a.resolve}  e`}
          >
            {a.resolve}
          </Button>
          <Menu
            opened={open === 'resolve'}
            onChange={(next) => onOpen(next ? 'resolve' : null)}
            position="bottom-start"
            withinPortal
          >
            <Menu.Target>
              <Button disabled={none} aria-label={a.resolveMore} px={6}>
                <IconChevronDown size={14} />
              </Button>
            </Menu.Target>
            <Menu.Dropdown>
              <Menu.Item onClick={() => act({ action: 'resolve', inNextRelease: true })}>
                {a.resolveNext}
              </Menu.Item>
              {releases.slice(0, releasesMax).map((release) => (
                <Menu.Item key={release} onClick={() => act({ action: 'resolve', inRelease: release })}>
                  {a.resolveIn(release)}
                </Menu.Item>
              ))}
              {status === null && (
                <Menu.Item onClick={() => act({ action: 'unresolve' })}>{a.unresolve}</Menu.Item>
              )}
            </Menu.Dropdown>
          </Menu>
        </span>
      )}
      {status !== 'ignored' && (
        <Popover
          opened={open === 'ignore'}
          onChange={(next) => onOpen(next ? 'ignore' : null)}
          position="bottom-start"
          trapFocus
          withinPortal
        >
          <Popover.Target>
            <Button
              variant="default"
              leftSection={<IconBellOff size={15} />}
              disabled={none}
              onClick={() => toggle('ignore')}
              title={`${a.ignore}  i`}
            >
              {a.ignore}
            </Button>
          </Popover.Target>
          <Popover.Dropdown>
            <IgnoreForm onIgnore={(until) => act({ action: 'ignore', ...(until && { until }) })} />
          </Popover.Dropdown>
        </Popover>
      )}
      <Popover
        opened={open === 'assign'}
        onChange={(next) => onOpen(next ? 'assign' : null)}
        position="bottom-start"
        trapFocus
        withinPortal
      >
        <Popover.Target>
          <Button
            variant="default"
            leftSection={<IconUser size={15} />}
            disabled={none}
            onClick={() => toggle('assign')}
            title={`${a.assign}  a`}
          >
            {assigned ?? a.assign}
          </Button>
        </Popover.Target>
        <Popover.Dropdown>
          <AssignForm
            people={people}
            assigned={assigned}
            onAssign={(to) => act({ action: 'assign', ...(to !== null && { to }) })}
          />
        </Popover.Dropdown>
      </Popover>
      <Button
        variant="default"
        leftSection={<IconArrowMerge size={15} />}
        disabled={none}
        onClick={onMerge}
        title={`${a.merge}  m`}
      >
        {a.merge}
      </Button>
    </div>
  )
}
