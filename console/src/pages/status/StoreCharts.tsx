import { useMemo } from 'react'
import { FramePanel, type SeriesLook } from '@/components/chart/FramePanel'
import type { ChartSpec } from '@/components/chart/model'
import { useMessages } from '@/i18n'
import { ms } from '@/lib/brand'
import type { FrameSeries } from '@/lib/frame'
import { chooseStep } from '@/lib/step'
import { resolveRange } from '@/lib/time'
import { useLiveFrame, useNow } from '@/state/live'
import { useTimeState } from '@/state/timeSearch'
import styles from './StatusPage.module.css'

/** The server stores its own metrics under this job. */
const own = 'job="watchfire"'

const named = (parts: readonly (readonly [string, string])[]) =>
  parts
    .map(([name, metric]) => `label_replace(max(${metric}{${own}}), "part", "${name}", "", "")`)
    .join(' or ')

const exprs = {
  ingest: `max(rate(watchfire_store_samples_appended_total{${own}}[1m]))`,
  disk: named([
    ['parts', 'watchfire_store_part_bytes'],
    ['index', 'watchfire_store_index_bytes'],
    ['journal', 'watchfire_store_journal_bytes'],
  ]),
  memory: named([
    ['head', 'watchfire_store_head_bytes'],
    ['index', 'watchfire_store_index_memory_bytes'],
    ['parts', 'watchfire_store_part_memory_bytes'],
  ]),
}

const rate: ChartSpec = { style: 'area', unit: 'per-second', min: 0 }
const bytes: ChartSpec = { style: 'stacked', unit: 'bytes', min: 0 }
const points = 300

/** How the store did over the chosen range, from the server's own metrics. */
export function StoreCharts() {
  const s = useMessages('status').status
  const { range, zone } = useTimeState()
  const { from, to } = resolveRange(range, useNow(), zone)
  const step = chooseStep(ms(to - from), points)
  const [ingest, disk, memory] = [
    useLiveFrame(exprs.ingest, step),
    useLiveFrame(exprs.disk, step),
    useLiveFrame(exprs.memory, step),
  ]
  const looks = useMemo(() => {
    const names: Record<string, string> = {
      parts: s.parts,
      index: s.index,
      journal: s.journal,
      head: s.uses.head,
    }
    return {
      ingest: (): SeriesLook => ({ label: s.ingest }),
      part: ({ labels: { part = '' } }: FrameSeries): SeriesLook => ({
        label: names[part] ?? part,
        order: Object.keys(names).indexOf(part),
      }),
    }
  }, [s])
  return (
    <div className={styles.charts}>
      <FramePanel title={s.ingestChart} expr={exprs.ingest} live={ingest} spec={rate} look={looks.ingest} />
      <FramePanel title={s.diskChart} expr={exprs.disk} live={disk} spec={bytes} look={looks.part} />
      <FramePanel title={s.memoryChart} expr={exprs.memory} live={memory} spec={bytes} look={looks.part} />
    </div>
  )
}
