import type { CSSProperties } from 'react'
import type { Labels } from '@/api/types'
import { useMessages, type With } from '@/i18n'
import { severityTone } from '@/lib/alerts'
import { quote } from '@/lib/matcher'
import styles from './parts.module.css'

export type ShownState = keyof With<'alerts'>['alerts']['state']

/** The colour of a state, for `--tone`. */
export const toneOf = (state: ShownState): CSSProperties =>
  ({ '--tone': `var(--wf-state-${state})` }) as CSSProperties

export function StateMark({ state, text }: { readonly state: ShownState; readonly text?: string }) {
  const a = useMessages('alerts').alerts
  return (
    <span className={styles.state} data-state={state} style={toneOf(state)}>
      {text ?? a.state[state]}
    </span>
  )
}

export function Severity({ severity }: { readonly severity: string }) {
  if (severity === '') return null
  return (
    <span className={styles.severity} data-tone={severityTone(severity)}>
      {severity}
    </span>
  )
}

interface ChipsProps {
  readonly labels: Labels
  /** Names that are shown elsewhere. */
  readonly without?: ReadonlySet<string>
  /** On one line, cut off at its end. */
  readonly line?: boolean
  readonly onFilter: (name: string, value: string, isEqual: boolean) => void
}

/** Labels that filter: a click on one shows only what has it, its minus leaves that out. */
export function LabelChips({ labels, without, line = false, onFilter }: ChipsProps) {
  const a = useMessages('alerts').alerts
  const shown = Object.entries(labels).filter(([name]) => without?.has(name) !== true)
  return (
    <ul className={styles.chips} data-line={line || undefined}>
      {shown.map(([name, value]) => {
        const text = `${name}=${quote(value)}`
        return (
          <li key={name} className={styles.chip}>
            <button
              type="button"
              title={`${text}\n${a.filterFor(text)}`}
              onClick={(event) => {
                event.stopPropagation()
                onFilter(name, value, true)
              }}
            >
              <span>{name}=</span>
              {value}
            </button>
            <button
              type="button"
              className={styles.out}
              title={a.filterOut(text)}
              aria-label={a.filterOut(text)}
              onClick={(event) => {
                event.stopPropagation()
                onFilter(name, value, false)
              }}
            >
              −
            </button>
          </li>
        )
      })}
    </ul>
  )
}

const address = /(https?:\/\/[^\s<>"')\]]+)/g

/** Text in which addresses are links. */
function Linked({ text }: { readonly text: string }) {
  return text.split(address).map((part, at) =>
    at % 2 === 0 ? (
      part
    ) : (
      <a key={at} href={part} target="_blank" rel="noreferrer">
        {part}
      </a>
    ),
  )
}

const first = ['summary', 'description', 'message', 'runbook_url', 'runbook']

function order(name: string): number {
  const at = first.indexOf(name)
  return at < 0 ? first.length : at
}

export function Annotations({ annotations }: { readonly annotations: Labels }) {
  const entries = Object.entries(annotations).sort(([a], [b]) => order(a) - order(b))
  return (
    <dl className={styles.annotations}>
      {entries.map(([name, value]) => (
        <div key={name} style={{ display: 'contents' }}>
          <dt>{name}</dt>
          <dd>
            <Linked text={value} />
          </dd>
        </div>
      ))}
    </dl>
  )
}

/** What the server has against something. */
export function ErrorNote({ text, help }: { readonly text: string; readonly help?: string | undefined }) {
  return (
    <div className={styles.error} role="alert">
      {text}
      {help !== undefined && <p>{help}</p>}
    </div>
  )
}

/** What says most about an alert in a line. */
export const headline = (annotations: Labels): string =>
  annotations.summary ?? annotations.message ?? annotations.description ?? annotations.title ?? ''
