import { IconChevronDown, IconChevronRight } from '@tabler/icons-react'
import { memo } from 'react'
import type { TriedRecord } from '@/api/pipelines'
import { language, useMessages } from '@/i18n'
import { exactTimeText } from '@/lib/clockText'
import { levelOf } from '@/lib/levels'
import { replacementsIn, stageText, type Change, type LineTrial, type StageDone } from '@/lib/pipelineTrial'
import type { ZoneId } from '@/lib/time'
import type { YamlNode } from '@/lib/yamlTree'
import { useTimeState } from '@/state/timeSearch'
import { Marked } from './Marked'
import { outcomeOf } from './outcome'
import { stageNote } from './stageNotes'
import styles from './TrialLine.module.css'

interface TrialLineProps {
  readonly number: number
  readonly trial: LineTrial
  readonly pipeline: YamlNode | null
  /** The text the pipeline was read from. */
  readonly source: string
  readonly open: boolean
  readonly onToggle: () => void
}

/** What became of one line, with what each stage did of it. */
export const TrialLine = memo(function TrialLine(props: TrialLineProps) {
  const { number, trial, pipeline, open, onToggle } = props
  const p = useMessages('pipelines').pipelines
  const outcome = outcomeOf(trial)
  const last = trial.stages.at(-1)
  const level = levelOf(trial.result?.level)
  const Arrow = open ? IconChevronDown : IconChevronRight
  return (
    <li className={styles.item}>
      <button type="button" className={styles.head} aria-expanded={open} onClick={onToggle}>
        <i aria-hidden style={{ background: `var(--wf-level-${level})` }} />
        <Arrow size={13} aria-hidden />
        <span className={styles.number}>{number}</span>
        <code className="clip" data-dropped={outcome === 'dropped' || undefined}>
          {(trial.result?.body ?? trial.line).slice(0, 400)}
        </code>
        <span className={styles.outcome} data-outcome={outcome}>
          {outcome === 'dropped' ? p.outcome.dropped(last?.stage ?? '') : p.outcome[outcome]}
        </span>
      </button>
      {open && (
        <div className={styles.detail}>
          <h3>{p.came}</h3>
          <pre className={styles.text}>
            <Marked text={trial.line} words={trial.secrets} as="del" />
          </pre>
          <h3>{p.steps}</h3>
          <ol className={styles.steps}>
            {trial.stages.map((done) => (
              <Stage
                key={done.place}
                done={done}
                pipeline={pipeline}
                source={props.source}
                secrets={trial.secrets}
              />
            ))}
          </ol>
          <h3>{p.keptAs}</h3>
          {trial.result === null ? (
            <p className="muted">{p.notKept}</p>
          ) : (
            <Kept record={trial.result} trial={trial} words={replacementsIn(pipeline)} />
          )}
        </div>
      )}
    </li>
  )
})

interface StageProps {
  readonly done: StageDone
  readonly pipeline: YamlNode | null
  readonly source: string
  readonly secrets: readonly string[]
}

/** One stage: what it changed, or why it did nothing. */
function Stage({ done, pipeline, source, secrets }: StageProps) {
  const p = useMessages('pipelines').pipelines
  const spoken = language.use()
  const { zone } = useTimeState()
  const { stage, place, note, dropped, changes } = done
  const idle = stage in p.idle ? p.idle[stage as keyof typeof p.idle] : p.idle.other
  return (
    <li data-dropped={dropped || undefined}>
      <code className={styles.stage} title={stageText(pipeline, place, source)}>
        {stage}
      </code>
      {dropped ? (
        <span className={styles.drops}>
          {p.droppedHere} <code>{stageText(pipeline, place, source)}</code>
        </span>
      ) : (
        <span className={styles.did}>
          {changes.map((change) => (
            <ChangeChip
              key={change.part + change.name}
              change={change}
              zone={zone}
              secrets={secrets}
              words={replacementsIn(pipeline)}
            />
          ))}
          {note !== '' && <em>{stageNote(note, spoken)}</em>}
          {note === '' && changes.length === 0 && (
            <em data-counts={stage === 'metric' || undefined}>{stage === 'metric' ? p.counts : idle}</em>
          )}
        </span>
      )}
    </li>
  )
}

/** Longer values are cut where they are only mentioned. */
const shortMax = 120

const short = (text: string) => (text.length > shortMax ? `${text.slice(0, shortMax)}…` : text)

type LevelNames = Readonly<Record<string, string>>

function shown({ part }: Change, value: string, zone: ZoneId, levels: LevelNames): string {
  if (part === 'level') return levels[value] ?? value
  return part === 'time' ? exactTimeText(Number(value), zone) : short(value)
}

interface ChangeChipProps {
  readonly change: Change
  readonly zone: ZoneId
  readonly secrets: readonly string[]
  readonly words: readonly string[]
}

function ChangeChip({ change, zone, secrets, words }: ChangeChipProps) {
  const t = useMessages('pipelines')
  const p = t.pipelines
  const { part, name, before, after } = change
  const named = part === 'attribute' ? name : part === 'label' ? `${p.parts.label} ${name}` : p.parts[part]
  const kind = before === null ? 'added' : after === null ? 'removed' : 'changed'
  // A time or a level was there from the start, though not the record's own; that it was says nothing.
  const tellsBefore = before !== null && part !== 'time' && before !== 'unknown'
  return (
    <span className={styles.change} data-kind={kind}>
      <b>{named}</b>
      {kind === 'removed' ? null : (
        <span>
          <Marked text={shown(change, after ?? '', zone, t.common.levels)} words={words} as="mark" />
        </span>
      )}
      {tellsBefore && kind === 'changed' && part !== 'line' && (
        <small>
          {p.was} <Marked text={shown(change, before, zone, t.common.levels)} words={secrets} as="del" />
        </small>
      )}
    </span>
  )
}

interface KeptProps {
  readonly record: TriedRecord
  readonly trial: LineTrial
  readonly words: readonly string[]
}

/** The record as it would be stored. */
function Kept({ record, trial, words }: KeptProps) {
  const t = useMessages('pipelines')
  const p = t.pipelines
  const { zone } = useTimeState()
  const marks = trial.secrets.length > 0 ? words : []
  const rows: (readonly [kind: string, name: string, value: string])[] = [
    [p.parts.level, '', t.common.levels[record.level] ?? record.level],
    [p.parts.line, '', record.body],
    ...record.labels.map(([name, value]) => [p.parts.label, name, value] as const),
    ...record.attributes.map(([name, value]) => [p.parts.attribute, name, value] as const),
    ...(record.traceId === '' ? [] : [[p.parts.trace, '', record.traceId] as const]),
    ...(record.spanId === '' ? [] : [[p.parts.span, '', record.spanId] as const]),
  ]
  return (
    <table className={styles.kept}>
      <tbody>
        <tr>
          <td>{p.parts.time}</td>
          <th scope="row" />
          <td>
            {exactTimeText(record.timeMs, zone)}
            {!trial.timed && <span className="muted"> ({p.arrival})</span>}
          </td>
        </tr>
        {rows.map(([kind, name, value]) => (
          <tr key={kind + name}>
            <td>{kind}</td>
            <th scope="row">{name}</th>
            <td>
              <Marked text={value} words={marks} as="mark" />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}
