import { Tabs } from '@mantine/core'
import { IconCalendarEvent } from '@tabler/icons-react'
import { CodeBlock } from '@/components/CodeBlock'
import { Senders } from '@/components/Senders'
import { useMessages } from '@/i18n'
import styles from './SendEvents.module.css'
import { eventSenders } from './senders'

/** How to send events: on its own where there are none yet, else as a panel. */
export function SendEvents({ empty }: { readonly empty: boolean }) {
  const s = useMessages('events').events.senders
  const shown = eventSenders(window.location.origin).map((sender) => ({ ...sender, title: s[sender.key] }))
  if (empty) {
    return (
      <Senders
        icon={<IconCalendarEvent size={44} stroke={1.3} />}
        title={s.title}
        hint={s.hint}
        more={s.more}
        waiting={s.waiting}
        senders={shown}
      />
    )
  }
  return (
    <section className={styles.panel} aria-label={s.title}>
      <Tabs defaultValue={shown[0]?.key ?? ''} keepMounted={false}>
        <Tabs.List>
          {shown.map((sender) => (
            <Tabs.Tab key={sender.key} value={sender.key}>
              {sender.title}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        {shown.map(({ key, text, language }) => (
          <Tabs.Panel key={key} value={key} pt="sm">
            <CodeBlock text={text} language={language} />
          </Tabs.Panel>
        ))}
      </Tabs>
      <p>{s.more}</p>
    </section>
  )
}
