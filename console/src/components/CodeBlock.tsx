import { ActionIcon } from '@mantine/core'
import { IconCopy } from '@tabler/icons-react'
import { useMemo } from 'react'
import { Tooltip } from './Tooltip'
import { useMessages } from '@/i18n'
import styles from './CodeBlock.module.css'
import { useCopy } from './useCopy'

interface CodeBlockProps {
  readonly text: string
  readonly language: 'yaml' | 'text'
  readonly numbered?: boolean
}

type Span = readonly [kind: 'key' | 'comment' | 'string' | 'plain', text: string]

/** Enough of YAML for the eye: keys, comments, quoted strings. */
function yamlSpans(line: string): Span[] {
  if (/^\s*#/.test(line)) return [['comment', line]]
  const keyed = /^(\s*(?:- )?)([^\s:#'"][^:#]*:)(\s.*|)$/.exec(line)
  const [indent, key, rest] =
    keyed === null ? ['', '', line] : [keyed[1] ?? '', keyed[2] ?? '', keyed[3] ?? '']
  const quoted = /^(.*?)('[^']*'|"[^"]*")(.*)$/.exec(rest)
  const tail: Span[] =
    quoted === null
      ? [['plain', rest]]
      : [
          ['plain', quoted[1] ?? ''],
          ['string', quoted[2] ?? ''],
          ['plain', quoted[3] ?? ''],
        ]
  return [['plain', indent], ['key', key], ...tail]
}

export function CodeBlock({ text, language, numbered = false }: CodeBlockProps) {
  const t = useMessages()
  const copy = useCopy()
  const lines = useMemo(
    () => text.split('\n').map((line): Span[] => (language === 'yaml' ? yamlSpans(line) : [['plain', line]])),
    [text, language],
  )
  return (
    <div className={styles.block}>
      <Tooltip label={t.common.copy}>
        <ActionIcon
          className={styles.copy}
          size="md"
          aria-label={t.common.copy}
          onClick={() => void copy(text)}
        >
          <IconCopy size={15} />
        </ActionIcon>
      </Tooltip>
      <pre tabIndex={0} data-numbered={numbered || undefined}>
        {lines.map((spans, index) => (
          <span key={index} className={styles.line}>
            {spans.map(([kind, part], i) => (
              <span key={i} data-kind={kind}>
                {part}
              </span>
            ))}
            {'\n'}
          </span>
        ))}
      </pre>
    </div>
  )
}
