import { Button } from '@mantine/core'
import { IconCopy } from '@tabler/icons-react'
import { useMemo } from 'react'
import { useCopy } from '@/components/useCopy'
import { useMessages } from '@/i18n'
import { rowName } from './exploreSearch'
import styles from './RawView.module.css'
import type { ShownRow } from './Results'

/** Longer texts make the page crawl; copying still gives all of it. */
const shownMax = 100_000

export function RawView({ rows }: { readonly rows: readonly ShownRow[] }) {
  return rows.map((row) => <RawAnswer key={row.index} row={row} />)
}

function RawAnswer({ row }: { readonly row: ShownRow }) {
  const t = useMessages()
  const copy = useCopy()
  const { raw } = row.answer
  const pretty = useMemo(() => {
    // Samples stay on one line each: a page of lone numbers tells nothing.
    const text = JSON.stringify(JSON.parse(raw), null, 2).replace(
      /\[\s+([^[\]{}]+?),\s+("[^"]*")\s+\]/g,
      '[$1, $2]',
    )
    return text.length > shownMax ? `${text.slice(0, shownMax)}\n…` : text
  }, [raw])
  return (
    <section className={styles.raw}>
      <header>
        <b>{rowName(row.index)}</b>
        <code className="mono clip">{row.answer.exchange.url}</code>
        <Button variant="subtle" leftSection={<IconCopy size={14} />} onClick={() => void copy(raw)}>
          {t.common.copy}
        </Button>
      </header>
      <pre tabIndex={0}>{pretty}</pre>
    </section>
  )
}
