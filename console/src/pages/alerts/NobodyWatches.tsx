import { Button } from '@mantine/core'
import { IconBellRinging } from '@tabler/icons-react'
import { Link } from '@tanstack/react-router'
import { CodeBlock } from '@/components/CodeBlock'
import { Message } from '@/components/Message'
import { useMessages } from '@/i18n'
import { useConfigFile } from '@/state/configFile'

export const rulesSnippet = (file: string): string => `# ${file}
rule_files: ['rules/*.yml']
alerting: {config_file: alertmanager.yml}

# rules/machine.yml
groups:
  - name: machine
    rules:
      - alert: DiskAlmostFull
        expr: node_filesystem_avail_bytes / node_filesystem_size_bytes < 0.1
        for: 5m
        labels: {severity: warning}
        annotations:
          summary: '{{ $labels.mountpoint }} of {{ $labels.instance }} has {{ $value | humanizePercentage }} left'

# alertmanager.yml
route: {receiver: team, group_by: [alertname]}
receivers:
  - name: team
    webhook_configs: [{url: 'http://hooks.example.org/team'}]`

/** There are no rules: how the first one comes into being. */
export function NobodyWatches() {
  const a = useMessages('alerts').alerts
  const file = useConfigFile()
  const commands = [
    'watchfire check rules rules/*.yml',
    `watchfire check config ${file}`,
    `curl -X POST ${window.location.origin}/-/reload`,
  ]
  return (
    <Message
      icon={<IconBellRinging size={44} stroke={1.3} />}
      title={a.empty}
      actions={
        <Button renderRoot={(props) => <Link {...props} to="/alerts" search={{ tab: 'rules', edit: '1' }} />}>
          {a.emptyTry}
        </Button>
      }
    >
      <p>{a.emptyHint}</p>
      <CodeBlock text={rulesSnippet(file)} language="yaml" />
      <p>{a.emptyCommand}</p>
      <CodeBlock text={commands.join('\n')} language="text" />
      <p>{a.emptySend(window.location.host)}</p>
    </Message>
  )
}
