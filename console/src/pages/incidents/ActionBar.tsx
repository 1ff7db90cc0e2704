import { Button, Popover, TextInput, Textarea } from '@mantine/core'
import {
  IconArrowBackUp,
  IconArrowMerge,
  IconBellRinging,
  IconCheck,
  IconEye,
  IconNote,
  IconUser,
} from '@tabler/icons-react'
import { useState, type ReactNode } from 'react'
import type { Incident, IncidentAction } from '@/api/incidents'
import { author } from '@/state/author'
import styles from './incidents.module.css'
import { useWords } from './words'

export type OpenForm = 'assign' | 'note' | 'escalate' | 'merge' | null

interface ActionBarProps {
  readonly targets: readonly Incident[]
  readonly people: readonly string[]
  readonly busy: boolean
  readonly open: OpenForm
  readonly onOpen: (open: OpenForm) => void
  readonly onAct: (action: IncidentAction) => void
  /** Merges others into the one; absent where that is not offered. */
  readonly onMerge?: ((others: readonly number[]) => void) | undefined
}

/** What can be done about incidents. */
export function ActionBar({ targets, people, busy, open, onOpen, onAct, onMerge }: ActionBarProps) {
  const a = useWords().actions
  const none = targets.length === 0 || busy
  const every = (status: Incident['status']) =>
    targets.length > 0 && targets.every((incident) => incident.status === status)
  const act = (action: IncidentAction) => {
    onOpen(null)
    onAct(action)
  }
  return (
    <div className={styles.bar} role="toolbar" aria-label={a.label}>
      {every('resolved') ? (
        <Button
          leftSection={<IconArrowBackUp size={15} />}
          disabled={none}
          title={`${a.reopen}  e`}
          onClick={() => act({ action: 'reopen' })}
        >
          {a.reopen}
        </Button>
      ) : (
        <>
          {every('acknowledged') ? (
            <Button
              variant="default"
              leftSection={<IconArrowBackUp size={15} />}
              disabled={none}
              title={`${a.unacknowledge}  c`}
              onClick={() => act({ action: 'unacknowledge' })}
            >
              {a.unacknowledge}
            </Button>
          ) : (
            <Button
              leftSection={<IconEye size={15} />}
              disabled={none}
              title={`${a.acknowledge}  c`}
              onClick={() => act({ action: 'acknowledge' })}
            >
              {a.acknowledge}
            </Button>
          )}
          <Button
            variant="default"
            leftSection={<IconCheck size={15} />}
            disabled={none}
            title={`${a.resolve}  e`}
            onClick={() => act({ action: 'resolve' })}
          >
            {a.resolve}
          </Button>
        </>
      )}
      <Form
        name="assign"
        title={`${a.assign}  a`}
        text={targets.length === 1 ? (targets[0]?.assigned ?? a.assign) : a.assign}
        icon={<IconUser size={15} />}
        disabled={none}
        open={open}
        onOpen={onOpen}
      >
        <AssignForm people={people} onAct={act} />
      </Form>
      <Form
        name="note"
        title={`${a.note}  m`}
        text={a.note}
        icon={<IconNote size={15} />}
        disabled={none}
        open={open}
        onOpen={onOpen}
      >
        <TextForm
          title={a.noteTitle}
          submit={a.noteSubmit}
          tall
          onText={(text) => act({ action: 'note', text })}
        />
      </Form>
      <Form
        name="escalate"
        title={a.escalate}
        text={a.escalate}
        icon={<IconBellRinging size={15} />}
        disabled={none}
        open={open}
        onOpen={onOpen}
      >
        <div className={styles.form}>
          <p>{a.escalateSure}</p>
          <Button onClick={() => act({ action: 'escalate' })}>{a.escalate}</Button>
        </div>
      </Form>
      {onMerge !== undefined && (
        <Form
          name="merge"
          title={a.merge}
          text={a.merge}
          icon={<IconArrowMerge size={15} />}
          disabled={none}
          open={open}
          onOpen={onOpen}
        >
          {targets.length > 1 ? (
            <div className={styles.form}>
              <p>{a.mergeHint}</p>
              <p>{`#${targets[0]?.id ?? ''} ← ${targets
                .slice(1)
                .map(({ id }) => `#${id}`)
                .join(', ')}`}</p>
              <Button
                onClick={() => {
                  onOpen(null)
                  onMerge(targets.slice(1).map(({ id }) => id))
                }}
              >
                {a.mergeSubmit}
              </Button>
            </div>
          ) : (
            <TextForm
              title={a.mergeOther}
              submit={a.mergeSubmit}
              onText={(text) => {
                const other = Number(text.replace(/^#/, ''))
                if (!Number.isInteger(other) || other <= 0) return
                onOpen(null)
                onMerge([other])
              }}
            />
          )}
        </Form>
      )}
    </div>
  )
}

interface FormProps {
  readonly name: Exclude<OpenForm, null>
  readonly title: string
  readonly text: string
  readonly icon: ReactNode
  readonly disabled: boolean
  readonly open: OpenForm
  readonly onOpen: (open: OpenForm) => void
  readonly children: ReactNode
}

/** A button that opens what has to be said first. */
function Form({ name, title, text, icon, disabled, open, onOpen, children }: FormProps) {
  return (
    <Popover
      opened={open === name}
      onChange={(next) => onOpen(next ? name : null)}
      position="bottom-start"
      trapFocus
      withinPortal
    >
      <Popover.Target>
        <Button
          variant="default"
          leftSection={icon}
          disabled={disabled}
          title={title}
          onClick={() => onOpen(open === name ? null : name)}
        >
          {text}
        </Button>
      </Popover.Target>
      <Popover.Dropdown>{children}</Popover.Dropdown>
    </Popover>
  )
}

interface TextFormProps {
  readonly title: string
  readonly submit: string
  readonly tall?: boolean
  readonly initial?: string
  readonly onText: (text: string) => void
}

export function TextForm({ title, submit, tall = false, initial = '', onText }: TextFormProps) {
  const [text, setText] = useState(initial)
  const wanted = text.trim()
  const send = () => {
    if (wanted !== '') onText(wanted)
  }
  return (
    <form
      className={styles.form}
      onSubmit={(event) => {
        event.preventDefault()
        send()
      }}
    >
      {tall ? (
        <Textarea
          data-autofocus
          label={title}
          minRows={3}
          autosize
          value={text}
          onChange={(event) => setText(event.currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) send()
          }}
        />
      ) : (
        <TextInput
          data-autofocus
          label={title}
          value={text}
          onChange={(event) => setText(event.currentTarget.value)}
        />
      )}
      <Button type="submit" disabled={wanted === ''}>
        {submit}
      </Button>
    </form>
  )
}

interface AssignFormProps {
  readonly people: readonly string[]
  readonly onAct: (action: IncidentAction) => void
}

/** Whose an incident is: one of those on call, or whoever is named. */
function AssignForm({ people, onAct }: AssignFormProps) {
  const a = useWords().actions
  const me = author.use()
  const [text, setText] = useState('')
  const wanted = text.trim()
  const known = [...new Set([...(me === '' ? [] : [me]), ...people])].filter((name) =>
    name.toLowerCase().includes(wanted.toLowerCase()),
  )
  return (
    <form
      className={styles.form}
      onSubmit={(event) => {
        event.preventDefault()
        if (wanted !== '') onAct({ action: 'assign', to: wanted })
      }}
    >
      <TextInput
        data-autofocus
        size="xs"
        label={a.assignTitle}
        placeholder={a.person}
        value={text}
        spellCheck={false}
        onChange={(event) => setText(event.currentTarget.value)}
      />
      <div className={styles.people}>
        {known.slice(0, 30).map((name) => (
          <button key={name} type="button" onClick={() => onAct({ action: 'assign', to: name })}>
            {name === me ? a.me(name) : name}
          </button>
        ))}
      </div>
      <Button type="submit" disabled={wanted === ''}>
        {a.submit}
      </Button>
      <Button variant="default" onClick={() => onAct({ action: 'assign' })}>
        {a.nobody}
      </Button>
      <TextInput
        size="xs"
        label={a.you}
        description={a.youHint}
        value={me}
        spellCheck={false}
        onChange={(event) => author.set(event.currentTarget.value)}
      />
    </form>
  )
}
