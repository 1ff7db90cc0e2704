import { Badge, Button, Loader, Modal, Select, TextInput } from '@mantine/core'
import { IconSearch } from '@tabler/icons-react'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useVirtualizer } from '@tanstack/react-virtual'
import { useMemo, useRef, useState } from 'react'
import { labelNames, labelValues } from '@/api/catalog'
import type { MetricMetadata } from '@/api/types'
import { useMessages } from '@/i18n'
import { rankMatches } from '@/lib/fuzzy'
import { selector } from '@/lib/matcher'
import styles from './MetricsBrowser.module.css'
import { familyOf, metadataOf, metricNamesOf } from '@/components/editor/promqlClient'

interface Metric {
  readonly name: string
  readonly type: string
  readonly help: string
}

const rowHeight = 46

function describe(name: string, metadata: Readonly<Record<string, MetricMetadata[]>>): Metric {
  const entry = (metadata[name] ?? metadata[familyOf(name)])?.[0]
  return { name, type: entry?.type ?? '', help: entry?.help ?? '' }
}

interface MetricsBrowserProps {
  readonly onClose: () => void
  readonly onInsert: (text: string) => void
}

export function MetricsBrowser({ onClose, onInsert }: MetricsBrowserProps) {
  const t = useMessages('explore')
  const b = t.explore.browser
  const client = useQueryClient()
  const [text, setText] = useState('')
  const [type, setType] = useState<string | null>(null)
  const [chosen, setChosen] = useState<Metric | null>(null)
  const list = useRef<HTMLDivElement>(null)
  const known = useQuery({
    queryKey: ['metrics-browser'],
    queryFn: async () => {
      const [names, metadata] = await Promise.all([metricNamesOf(client), metadataOf(client)])
      return names.map((name) => describe(name, metadata))
    },
    staleTime: 60_000,
  })
  const types = useMemo(
    () => [...new Set((known.data ?? []).map((m) => m.type))].filter((k) => k !== '').sort(),
    [known.data],
  )
  const shown = useMemo(() => {
    const all = (known.data ?? []).filter((m) => type === null || m.type === type)
    return rankMatches(all, text, (m) => `${m.name} ${m.help}`, all.length)
  }, [known.data, text, type])
  const virtual = useVirtualizer({
    count: shown.length,
    getScrollElement: () => list.current,
    estimateSize: () => rowHeight,
    overscan: 6,
  })
  return (
    <Modal
      opened
      onClose={onClose}
      title={b.title}
      size={980}
      closeButtonProps={{ 'aria-label': t.common.close }}
    >
      <div className={styles.tools}>
        <TextInput
          data-autofocus
          leftSection={<IconSearch size={15} />}
          placeholder={b.search}
          aria-label={b.search}
          value={text}
          onChange={(event) => setText(event.currentTarget.value)}
          onKeyDown={(event) => {
            const first = chosen ?? shown[0]
            if (event.key === 'Enter' && first !== undefined) onInsert(selector(first.name, {}))
          }}
        />
        <Select
          placeholder={b.allTypes}
          aria-label={b.allTypes}
          data={types}
          value={type}
          onChange={setType}
          clearable
          w={150}
        />
        <span className="muted tnum">{b.count(shown.length)}</span>
      </div>
      <div className={styles.columns}>
        <div ref={list} className={styles.list} role="listbox" aria-label={b.title}>
          {known.isPending && <Loader size="sm" m="lg" />}
          <div style={{ height: virtual.getTotalSize(), position: 'relative' }}>
            {virtual.getVirtualItems().map((item) => {
              const metric = shown[item.index]
              if (metric === undefined) return null
              return (
                <button
                  key={metric.name}
                  type="button"
                  role="option"
                  aria-selected={metric.name === chosen?.name}
                  className={styles.metric}
                  style={{ transform: `translateY(${item.start}px)`, height: rowHeight }}
                  onClick={() => setChosen(metric)}
                  onDoubleClick={() => onInsert(selector(metric.name, {}))}
                >
                  <span>
                    <code className="mono clip">{metric.name}</code>
                    {metric.type !== '' && metric.type !== 'unknown' && <em>{metric.type}</em>}
                  </span>
                  <small className="clip">{metric.help}</small>
                </button>
              )
            })}
          </div>
        </div>
        <div className={styles.detail}>
          {chosen === null ? (
            <p className="muted">{b.choose}</p>
          ) : (
            <MetricDetail key={chosen.name} metric={chosen} onInsert={onInsert} />
          )}
        </div>
      </div>
    </Modal>
  )
}

interface MetricDetailProps {
  readonly metric: Metric
  readonly onInsert: (text: string) => void
}

/** Values shown per label before only their number is. */
const valuesShown = 8

function MetricDetail({ metric, onInsert }: MetricDetailProps) {
  const t = useMessages('explore')
  const b = t.explore.browser
  const match = selector(metric.name, {})
  const labels = useQuery({
    queryKey: ['metric-labels', metric.name],
    queryFn: async ({ signal }) => {
      const names = (await labelNames(match, signal)).filter((name) => name !== '__name__')
      return Promise.all(
        names.map(async (name) => ({ name, values: await labelValues(name, match, signal) })),
      )
    },
    staleTime: 60_000,
  })
  return (
    <>
      <h3 className="mono">{metric.name}</h3>
      {metric.type !== '' && (
        <Badge variant="light" size="sm" tt="none">
          {metric.type}
        </Badge>
      )}
      <p>{metric.help === '' ? <span className="muted">{b.noHelp}</span> : metric.help}</p>
      <Button fullWidth onClick={() => onInsert(match)}>
        {b.insert}
      </Button>
      <dl className={styles.labels}>
        {(labels.data ?? []).map(({ name, values }) => (
          <div key={name}>
            <dt>
              <code className="mono">{name}</code> <span className="muted">{b.values(values.length)}</span>
            </dt>
            <dd>
              {values.slice(0, valuesShown).map((value) => (
                <button
                  key={value}
                  type="button"
                  onClick={() => onInsert(selector(metric.name, { [name]: value }))}
                >
                  {value === '' ? '""' : value}
                </button>
              ))}
              {values.length > valuesShown && <span className="muted">+{values.length - valuesShown}</span>}
            </dd>
          </div>
        ))}
      </dl>
    </>
  )
}
