import { Loader, Tabs } from '@mantine/core'
import type { ReactNode } from 'react'
import { CodeBlock } from './CodeBlock'
import { Message } from './Message'
import styles from './Senders.module.css'

export interface ShownSender {
  readonly key: string
  readonly title: string
  readonly language: 'yaml' | 'text'
  readonly text: string
}

interface SendersProps {
  readonly icon: ReactNode
  readonly title: string
  readonly hint: string
  readonly more: string
  readonly waiting: string
  readonly senders: readonly ShownSender[]
}

/** A store that is empty yet: how to send what it is for, to copy. */
export function Senders({ icon, title, hint, more, waiting, senders }: SendersProps) {
  return (
    <Message icon={icon} title={title}>
      <p>{hint}</p>
      <Tabs defaultValue={senders[0]?.key ?? ''} className={styles.senders} keepMounted={false}>
        <Tabs.List>
          {senders.map((sender) => (
            <Tabs.Tab key={sender.key} value={sender.key}>
              {sender.title}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        {senders.map(({ key, text, language }) => (
          <Tabs.Panel key={key} value={key} pt="sm">
            <CodeBlock text={text} language={language} />
          </Tabs.Panel>
        ))}
      </Tabs>
      <p>{more}</p>
      <p className={styles.waiting}>
        <Loader size={12} /> {waiting}
      </p>
    </Message>
  )
}
