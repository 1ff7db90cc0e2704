import { Button } from '@mantine/core'
import { IconRefresh } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { infoPage } from '@/api/catalog'
import { reloadConfiguration, type ActivePipeline } from '@/api/pipelines'
import { CodeBlock } from '@/components/CodeBlock'
import { useMessages } from '@/i18n'
import { configBlock, pipelineIn } from '@/lib/pipelineYaml'
import { textAt } from '@/lib/yamlTree'
import { say } from '@/state/toasts'
import styles from './ApplyPanel.module.css'

interface ApplyPanelProps {
  readonly text: string
  readonly active: readonly ActivePipeline[]
  readonly onReloaded: () => void
}

/** How what was written comes into force: the configuration is a file, which only people write. */
export function ApplyPanel({ text, active, onReloaded }: ApplyPanelProps) {
  const p = useMessages('pipelines').pipelines
  const flags = useQuery({ queryKey: ['info', 'flags'], queryFn: ({ signal }) => infoPage('flags', signal) })
  const [busy, setBusy] = useState(false)
  const [refused, setRefused] = useState<string | null>(null)
  const name = textAt(pipelineIn(text), 'name') ?? ''
  const file = flags.data?.config ?? ''
  const replaces = active.some((pipeline) => pipeline.name === name)
  const commands = [
    `watchfire check config ${file === '' ? 'watchfire.yml' : file}`,
    `curl -X POST ${window.location.origin}/-/reload`,
  ]
  const reload = async () => {
    setBusy(true)
    setRefused(null)
    try {
      await reloadConfiguration()
      say(p.reloaded)
      onReloaded()
    } catch (cause) {
      setRefused(cause instanceof Error ? cause.message : String(cause))
    }
    setBusy(false)
  }
  return (
    <section className={styles.panel} aria-label={p.apply}>
      <h2>{p.apply}</h2>
      <p>
        {p.applySteps(file === '' ? p.applyFile : file)} {p.applyOne}{' '}
        {replaces ? p.applyReplaces(name) : p.applyAdds}
      </p>
      <CodeBlock text={configBlock(text).trimEnd()} language="yaml" />
      <p>{p.applyReload}</p>
      <CodeBlock text={commands.join('\n')} language="text" />
      <div>
        <Button
          variant="default"
          loading={busy}
          leftSection={<IconRefresh size={15} />}
          onClick={() => void reload()}
        >
          {p.reload}
        </Button>
      </div>
      {refused !== null && (
        <p role="alert" className={styles.refused}>
          {refused}
        </p>
      )}
    </section>
  )
}
