import { Button } from '@mantine/core'
import { IconRefresh } from '@tabler/icons-react'
import { useState } from 'react'
import { reloadConfiguration } from '@/api/pipelines'
import type { RuleText } from '@/api/ruleTrial'
import { CodeBlock } from '@/components/CodeBlock'
import { useMessages } from '@/i18n'
import { ruleFileYaml } from '@/lib/ruleYaml'
import { say } from '@/state/toasts'
import { ErrorNote } from './parts'
import styles from './RuleEditor.module.css'

/** The rule as a file: rule files are files, which only people write. */
export function RuleFilePanel({ rule }: { readonly rule: RuleText }) {
  const e = useMessages('alerts').alerts.editor
  const [busy, setBusy] = useState(false)
  const [refused, setRefused] = useState<string | null>(null)
  const annotations = Object.fromEntries(Object.entries(rule.annotations).filter(([, text]) => text !== ''))
  const named = { ...rule, alert: rule.alert.trim() === '' ? 'Unnamed' : rule.alert.trim(), annotations }
  const commands = ['watchfire check rules rules/*.yml', `curl -X POST ${window.location.origin}/-/reload`]
  const reload = async () => {
    setBusy(true)
    setRefused(null)
    try {
      await reloadConfiguration()
      say(e.reloaded)
    } catch (cause) {
      setRefused(cause instanceof Error ? cause.message : String(cause))
    }
    setBusy(false)
  }
  return (
    <section className={styles.form} aria-label={e.yaml}>
      <span className={styles.label}>{e.yaml}</span>
      <p className={styles.hint}>{e.yamlHint}</p>
      <CodeBlock text={ruleFileYaml(named, 'mine').trimEnd()} language="yaml" />
      <CodeBlock text={commands.join('\n')} language="text" />
      <div>
        <Button
          variant="default"
          loading={busy}
          leftSection={<IconRefresh size={15} />}
          onClick={() => void reload()}
        >
          {e.reload}
        </Button>
      </div>
      {refused !== null && <ErrorNote text={refused} />}
    </section>
  )
}
