import { Loader, Tabs } from '@mantine/core'
import { IconLogs } from '@tabler/icons-react'
import { CodeBlock } from '@/components/CodeBlock'
import { Message } from '@/components/Message'
import { useMessages } from '@/i18n'
import styles from './EmptyLogs.module.css'
import { senders } from './senders'

/** A store without logs: how to send the first. */
export function EmptyLogs() {
  const e = useMessages().logs.empty
  const all = senders(window.location.origin)
  return (
    <Message icon={<IconLogs size={44} stroke={1.3} />} title={e.title}>
      <p>{e.hint}</p>
      <Tabs defaultValue={all[0]?.key ?? ''} className={styles.senders} keepMounted={false}>
        <Tabs.List>
          {all.map(({ key }) => (
            <Tabs.Tab key={key} value={key}>
              {e[key]}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        {all.map(({ key, text, language }) => (
          <Tabs.Panel key={key} value={key} pt="sm">
            <CodeBlock text={text} language={language} />
          </Tabs.Panel>
        ))}
      </Tabs>
      <p>{e.more}</p>
      <p className={styles.waiting}>
        <Loader size={12} /> {e.waiting}
      </p>
    </Message>
  )
}
