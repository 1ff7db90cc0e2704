import { Button } from '@mantine/core'
import { IconPlayerPlay } from '@tabler/icons-react'
import { useMutation } from '@tanstack/react-query'
import { tryProbe, type ProbeTarget } from '@/api/lookout'
import { CodeBlock } from '@/components/CodeBlock'
import { ErrorText, Mark, Part } from '@/components/watch/kit'
import { readTranscript, shellWord } from '@/lib/lookout'
import { formatSeconds } from '@/lib/units'
import styles from './rows.module.css'
import { useWords } from './words'

interface TryProbeProps {
  readonly probe: ProbeTarget
  /** Whether the server probes with this module on request. */
  readonly allowed: boolean
}

/** A probe of now, with all that was done. */
export function TryProbe({ probe, allowed }: TryProbeProps) {
  const p = useWords().probe
  const tried = useMutation({
    mutationFn: async () => readTranscript(await tryProbe(probe.target, probe.module)),
  })
  if (!allowed) {
    return (
      <Part title={p.terminal} hint={p.notHere(probe.module)}>
        <CodeBlock
          text={`watchfire probe ${shellWord(probe.module)} ${shellWord(probe.target)}`}
          language="text"
        />
      </Part>
    )
  }
  const { data } = tried
  const success = data?.success ?? null
  return (
    <Part title={p.tryNow} hint={p.tryHint}>
      <div className={styles.verdict}>
        <Button
          loading={tried.isPending}
          leftSection={<IconPlayerPlay size={15} />}
          onClick={() => tried.mutate()}
        >
          {p.tryNow}
        </Button>
        {success !== null && (
          <span role="status">
            <Mark tone={success ? 'good' : 'bad'}>
              {(success ? p.tryWell : p.tryIll)(formatSeconds(data?.durationSeconds ?? 0))}
            </Mark>
          </span>
        )}
      </div>
      {tried.error !== null && <ErrorText>{tried.error.message}</ErrorText>}
      {data !== undefined && (
        <>
          <dl className={styles.transcript} aria-label={p.transcript}>
            {data.lines.map(({ seconds, level, text }, at) => (
              <div key={at} style={{ display: 'contents' }}>
                <dt>{Number.isNaN(seconds) ? '' : formatSeconds(seconds)}</dt>
                <dd data-level={level}>{text}</dd>
              </div>
            ))}
          </dl>
          {data.metrics !== '' && (
            <details className={styles.details}>
              <summary>{p.metrics}</summary>
              <CodeBlock text={data.metrics} language="text" />
            </details>
          )}
          {data.module !== '' && (
            <details className={styles.details}>
              <summary>{p.moduleText}</summary>
              <CodeBlock text={data.module} language="yaml" />
            </details>
          )}
        </>
      )}
    </Part>
  )
}
