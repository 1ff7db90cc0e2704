import { Button, SegmentedControl } from '@mantine/core'
import { IconArrowsSort, IconCopy } from '@tabler/icons-react'
import { useState } from 'react'
import type { ErrorEvent, StackFrame, Thrown } from '@/api/errorEvent'
import { useCopy } from '@/components/useCopy'
import { useMessages } from '@/i18n'
import { frameRuns, stackText } from '@/lib/stack'
import { stored } from '@/state/stored'
import { FrameView } from './FrameView'
import styles from './StackView.module.css'

const newestFirst = stored('stack-newest-first', (raw) => raw !== false)

interface StackViewProps {
  readonly event: ErrorEvent
  readonly raw: boolean
  readonly onRaw: (raw: boolean) => void
}

/** What was thrown and where: what was caught last first, then what caused it. */
export function StackView({ event, raw, onRaw }: StackViewProps) {
  const t = useMessages('issue')
  const i = t.issue
  const copy = useCopy()
  const newest = newestFirst.use()
  const thrown = [...event.exceptions].reverse()
  const threads = event.threads.filter(({ frames }) => frames.length > 0)
  return (
    <section className={styles.stack} aria-label={i.stack}>
      <header>
        <h3>{i.stack}</h3>
        <div className={styles.tools}>
          <SegmentedControl
            size="xs"
            aria-label={i.stackView}
            data={[
              { value: 'frames', label: i.frames },
              { value: 'raw', label: i.rawText },
            ]}
            value={raw ? 'raw' : 'frames'}
            onChange={(value) => onRaw(value === 'raw')}
          />
          <Button
            variant="subtle"
            color="gray"
            leftSection={<IconArrowsSort size={15} />}
            onClick={() => newestFirst.set(!newest)}
            title={i.orderHelp}
          >
            {newest ? i.newestFirst : i.oldestFirst}
          </Button>
          <Button
            variant="subtle"
            color="gray"
            leftSection={<IconCopy size={15} />}
            onClick={() => void copy(stackText(event))}
          >
            {t.common.copy}
          </Button>
        </div>
      </header>
      {raw ? (
        <pre className={styles.raw} tabIndex={0}>
          {stackText(event)}
        </pre>
      ) : (
        <>
          {thrown.map((each, index) => (
            <ThrownView key={index} thrown={each} cause={index > 0} first={index === 0} newest={newest} />
          ))}
          {thrown.length === 0 && event.message !== '' && <p className={styles.message}>{event.message}</p>}
          {event.frames.length > 0 && <Frames frames={event.frames} newest={newest} open />}
          {threads.map((thread) => (
            <details key={thread.id + thread.name} className={styles.thread}>
              <summary>
                {i.thread} {thread.name === '' ? thread.id : thread.name}
                {thread.crashed && <em>{i.crashed}</em>}
              </summary>
              <Frames frames={thread.frames} newest={newest} open={false} />
            </details>
          ))}
          {thrown.length === 0 && event.frames.length === 0 && threads.length === 0 && (
            <p className="muted">{i.noStack}</p>
          )}
        </>
      )}
    </section>
  )
}

interface ThrownViewProps {
  readonly thrown: Thrown
  readonly cause: boolean
  readonly first: boolean
  readonly newest: boolean
}

function ThrownView({ thrown, cause, first, newest }: ThrownViewProps) {
  const i = useMessages('issue').issue
  return (
    <article className={styles.thrown}>
      {cause && <small className={styles.cause}>{i.causedBy}</small>}
      <h4>
        <b>{thrown.type === '' ? i.noType : thrown.type}</b>
        {thrown.module !== '' && <span className={styles.module}>{thrown.module}</span>}
        {thrown.handled !== null && (
          <em data-bad={!thrown.handled || undefined}>
            {thrown.handled ? i.handled : i.unhandled}
            {thrown.mechanism !== '' && ` · ${thrown.mechanism}`}
          </em>
        )}
      </h4>
      {thrown.value !== '' && <p className={styles.message}>{thrown.value}</p>}
      {thrown.frames.length > 0 && <Frames frames={thrown.frames} newest={newest} open={first} />}
    </article>
  )
}

interface FramesProps {
  readonly frames: readonly StackFrame[]
  readonly newest: boolean
  /** Whether the source of the call next to the failure is shown at first. */
  readonly open: boolean
}

/** Calls of the application, and folded runs of those of libraries. */
function Frames({ frames, newest, open }: FramesProps) {
  const runs = frameRuns(frames, newest)
  const own = frames.findLastIndex(({ inApp }) => inApp)
  const main = own < 0 ? frames.length - 1 : own
  return (
    <ol className={styles.frames}>
      {runs.map((run) =>
        run.kind === 'own' ? (
          <FrameView key={run.index} frame={run.frame} openAtFirst={open && run.index === main} />
        ) : (
          <Folded key={`others${run.index}`} frames={run.frames} />
        ),
      )}
    </ol>
  )
}

function Folded({ frames }: { readonly frames: readonly StackFrame[] }) {
  const i = useMessages('issue').issue
  const [open, setOpen] = useState(false)
  if (open) return frames.map((frame, index) => <FrameView key={index} frame={frame} openAtFirst={false} />)
  return (
    <li className={styles.folded}>
      <button type="button" onClick={() => setOpen(true)}>
        {i.folded(frames.length)}
      </button>
    </li>
  )
}
