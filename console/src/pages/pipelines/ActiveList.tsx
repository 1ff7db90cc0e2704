import { Tooltip } from '@mantine/core'
import { IconPencil } from '@tabler/icons-react'
import type { ActivePipeline } from '@/api/pipelines'
import { useMessages } from '@/i18n'
import { formatCount } from '@/lib/units'
import styles from './ActiveList.module.css'

interface ActiveListProps {
  readonly pipelines: readonly ActivePipeline[]
  /** The one in the editor. */
  readonly opened: string | null
  readonly onOpen: (pipeline: ActivePipeline) => void
}

/** The pipelines in force in their order, and what went through each. */
export function ActiveList({ pipelines, opened, onOpen }: ActiveListProps) {
  const p = useMessages('pipelines').pipelines
  return (
    <section className={styles.panel} aria-label={p.inForce}>
      <header>
        <h2>{p.inForce}</h2>
        <span className="muted">{pipelines.length === 0 ? p.none : `${p.inForceHint} ${p.counted}:`}</span>
      </header>
      {pipelines.length > 0 && (
        <ol className={styles.list}>
          {pipelines.map((pipeline) => (
            <li key={pipeline.name} data-opened={opened === pipeline.name || undefined}>
              <Row pipeline={pipeline} onOpen={() => onOpen(pipeline)} />
            </li>
          ))}
        </ol>
      )}
    </section>
  )
}

/** A condition on a label as people write it: the value may begin with an operator. */
function conditionText([label, value]: [string, string]): string {
  const [op = ''] = /^(=~|!=|!~)/.exec(value) ?? []
  return `${label}${op === '' ? '=' : op}${value.slice(op.length)}`
}

interface RowProps {
  readonly pipeline: ActivePipeline
  readonly onOpen: () => void
}

function Row({ pipeline, onOpen }: RowProps) {
  const p = useMessages('pipelines').pipelines
  const { name, records, dropped, leftOut, config } = pipeline
  const share = records === 0 ? 0 : dropped / records
  const selects = Object.entries(config.match).map(conditionText)
  return (
    <>
      <button type="button" className={styles.open} onClick={onOpen} aria-label={p.edit(name)}>
        <b className="clip">{name}</b>
        <IconPencil size={14} aria-hidden />
      </button>
      <span className={styles.match}>
        {selects.length === 0
          ? p.every
          : selects.map((text) => (
              <code key={text} className="mono">
                {text}
              </code>
            ))}
      </span>
      <span className={styles.stages}>
        {config.stages.map((stage, place) => (
          <code key={place} className="mono">
            {Object.keys(stage)[0]}
          </code>
        ))}
      </span>
      <span className={styles.counts}>
        <span>{p.records(formatCount(records))}</span>
        <span data-some={dropped > 0 || undefined}>
          {dropped === 0
            ? p.droppedNone
            : p.dropped(formatCount(dropped), `${(share * 100).toFixed(share < 0.1 ? 1 : 0)} %`)}
        </span>
        {leftOut > 0 && (
          <Tooltip label={p.leftOutHelp} multiline maw={280}>
            <span className={styles.leftOut} tabIndex={0}>
              {p.leftOut(formatCount(leftOut))}
            </span>
          </Tooltip>
        )}
      </span>
    </>
  )
}
