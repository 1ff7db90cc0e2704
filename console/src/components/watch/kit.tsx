import { CloseButton, TextInput } from '@mantine/core'
import { Fragment, type ReactNode } from 'react'
import type { Labels } from '@/api/types'
import { formatCount } from '@/lib/units'
import styles from './kit.module.css'

/** How well something is; `busy` and `quiet` are neither well nor ill. */
export type Tone = 'good' | 'warn' | 'bad' | 'busy' | 'quiet'

/** A state in a word, with a shape that does not need its colour. */
export function Mark({ tone, children }: { readonly tone: Tone; readonly children: ReactNode }) {
  return (
    <span className={styles.mark} data-tone={tone}>
      {children}
    </span>
  )
}

export interface StateChoice<State extends string> {
  readonly state: State
  readonly text: string
  readonly tone: Tone
  readonly count: number
}

interface FilterBarProps<State extends string> {
  readonly label: string
  readonly placeholder: string
  readonly filter: string
  readonly onFilter: (filter: string | undefined) => void
  readonly statesLabel: string
  readonly choices: readonly StateChoice<State>[]
  /** Which state alone is shown; undefined for all. */
  readonly chosen: State | undefined
  readonly onChoose: (state: State | undefined) => void
  readonly children?: ReactNode
}

/** Words to look for, and states to choose between. */
export function FilterBar<State extends string>(props: FilterBarProps<State>) {
  const { label, placeholder, filter, onFilter, statesLabel, choices, chosen, onChoose, children } = props
  return (
    <div className={styles.tools}>
      <TextInput
        data-main-input
        className={styles.filter}
        aria-label={label}
        placeholder={placeholder}
        value={filter}
        spellCheck={false}
        onChange={(event) => onFilter(event.currentTarget.value || undefined)}
      />
      <div className={styles.chips} role="group" aria-label={statesLabel}>
        {choices.map(({ state, text, tone, count }) => (
          <button
            key={state}
            type="button"
            className={styles.chip}
            data-tone={tone}
            data-some={count > 0 || undefined}
            aria-pressed={chosen === state}
            onClick={() => onChoose(chosen === state ? undefined : state)}
          >
            {text} <b>{formatCount(count)}</b>
          </button>
        ))}
      </div>
      {children}
    </div>
  )
}

interface SplitProps {
  readonly list: ReactNode
  /** What is open beside the list; null for nothing. */
  readonly detail: ReactNode
}

/** A list, and beside it, or in its place where there is no room, what is open of it. */
export function Split({ list, detail }: SplitProps) {
  return (
    <div className={styles.split} data-open={detail !== null || undefined}>
      <div className={styles.list}>{list}</div>
      {detail}
    </div>
  )
}

interface DetailPaneProps {
  readonly label: string
  readonly close: string
  readonly onClose: () => void
  readonly children: ReactNode
}

export function DetailPane({ label, close, onClose, children }: DetailPaneProps) {
  return (
    <aside className={styles.detail} aria-label={label}>
      <CloseButton className={styles.close} aria-label={close} onClick={onClose} />
      {children}
    </aside>
  )
}

export interface Fact {
  readonly name: string
  readonly value: ReactNode
  readonly note?: ReactNode
  readonly tone?: Tone | undefined
  readonly title?: string
}

/** Names and values; what has no value is left out. */
export function Facts({ facts }: { readonly facts: readonly (Fact | null)[] }) {
  return (
    <dl className={styles.facts}>
      {facts.map(
        (fact) =>
          fact !== null && (
            <div key={fact.name} title={fact.title}>
              <dt>{fact.name}</dt>
              <dd data-tone={fact.tone}>
                <b>{fact.value}</b>
                {fact.note !== undefined && <small>{fact.note}</small>}
              </dd>
            </div>
          ),
      )}
    </dl>
  )
}

interface PartProps {
  readonly title: string
  readonly hint?: string
  readonly children?: ReactNode
}

/** A part of a detail, under a title. */
export function Part({ title, hint, children }: PartProps) {
  return (
    <section className={styles.part} aria-label={title}>
      <h3>{title}</h3>
      {hint !== undefined && <p className={styles.hint}>{hint}</p>}
      {children}
    </section>
  )
}

export function LabelChips({ labels }: { readonly labels: Labels }) {
  return (
    <ul className={styles.labels}>
      {Object.entries(labels).map(([name, value]) => (
        <li key={name}>
          <span className="muted">{name}=</span>
          {value}
        </li>
      ))}
    </ul>
  )
}

export function ErrorText({ children }: { readonly children: ReactNode }) {
  return (
    <div className={styles.error} role="alert">
      {children}
    </div>
  )
}

interface RowsProps {
  readonly label: string
  readonly titles: readonly string[]
  readonly rows: readonly { readonly key: string; readonly cells: readonly ReactNode[] }[]
}

/** A small table. */
export function Rows({ label, titles, rows }: RowsProps) {
  return (
    <table className={styles.table} aria-label={label}>
      <thead>
        <tr>
          {titles.map((title) => (
            <th key={title}>{title}</th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map(({ key, cells }) => (
          <tr key={key}>
            {cells.map((cell, at) => (
              <Fragment key={titles[at] ?? at}>
                <td>{cell}</td>
              </Fragment>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  )
}
