import { Skeleton } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { effectiveConfig } from '@/api/catalog'
import { CodeBlock } from '@/components/CodeBlock'
import { useMessages } from '@/i18n'
import styles from './StatusPage.module.css'

export function ConfigTab() {
  const s = useMessages('status').status
  const config = useQuery({ queryKey: ['config'], queryFn: ({ signal }) => effectiveConfig(signal) })
  if (config.data === undefined)
    return config.error === null ? <Skeleton height={400} /> : <p className={styles.hint}>{s.missing}</p>
  const text = config.data.trimEnd()
  return (
    <div className={styles.stack}>
      <p className={styles.hint}>
        {s.yamlHint} {s.lines(text.split('\n').length)}
      </p>
      <CodeBlock text={text} language="yaml" numbered />
    </div>
  )
}
