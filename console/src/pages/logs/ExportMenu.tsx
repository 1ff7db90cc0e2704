import { Button, Menu } from '@mantine/core'
import { IconDownload } from '@tabler/icons-react'
import { useRef, useState } from 'react'
import { useMessages } from '@/i18n'
import { epochMs } from '@/lib/brand'
import { exported, exportTypes, type ExportFormat } from '@/lib/exportLines'
import type { LogLine } from '@/lib/logLine'
import { nanosOf } from '@/lib/nanos'
import { resolveRange } from '@/lib/time'
import { formatCount } from '@/lib/units'
import { useTimeState } from '@/state/timeSearch'
import { say } from '@/state/toasts'
import type { LogsState } from './logsSearch'
import { directionOf, fetchPage, keptMax, type Page } from './pages'

interface ExportMenuProps {
  readonly query: string
  readonly lines: readonly LogLine[]
  /** The page whose range is exported; without one there is no range, only lines. */
  readonly first: Page | null
  readonly state: LogsState
}

const pageMax = 5000

/** Hands text to the browser as a file. */
function save(text: string, format: ExportFormat): void {
  const address = URL.createObjectURL(new Blob([text], { type: exportTypes[format] }))
  const link = document.createElement('a')
  link.href = address
  link.download = `logs-${new Date().toISOString().slice(0, 19).replace(/[:T]/g, '-')}.${format}`
  link.click()
  // The browser reads the file a moment later.
  window.setTimeout(() => URL.revokeObjectURL(address), 60_000)
}

export function ExportMenu({ query, lines, first, state }: ExportMenuProps) {
  const e = useMessages('logs').logs.exports
  const { range, zone } = useTimeState()
  const [done, setDone] = useState<number | null>(null)
  const stopped = useRef<AbortController | null>(null)

  const loaded = (format: ExportFormat) => {
    save(exported(format, lines, state.columns), format)
    say(e.done(formatCount(lines.length)))
  }
  const whole = async (format: ExportFormat) => {
    const { from, to } = resolveRange(range, epochMs(Date.now()), zone)
    const bounds = first?.bounds ?? { start: nanosOf(from), end: nanosOf(to) }
    const controller = new AbortController()
    stopped.current = controller
    const all: LogLine[] = []
    setDone(0)
    try {
      let page: Page | null = null
      do {
        const cursor: Page['next'] = page?.next ?? null
        const asked = { query, bounds, cursor, direction: directionOf(state.order), limit: pageMax }
        page = await fetchPage(asked, controller.signal)
        all.push(...page.lines)
        setDone(all.length)
      } while (page.next !== null && all.length < keptMax)
      const kept = all.slice(0, keptMax)
      save(exported(format, kept, state.columns), format)
      const count = formatCount(kept.length)
      say(page.next === null ? e.done(count) : e.cutOff(count))
    } catch (cause) {
      if (!controller.signal.aborted) say(cause instanceof Error ? cause.message : String(cause), 'bad')
    }
    setDone(null)
  }
  if (done !== null) {
    return (
      <Button variant="light" onClick={() => stopped.current?.abort()}>
        {e.running(formatCount(done))} – {e.cancel}
      </Button>
    )
  }
  const max = formatCount(keptMax)
  return (
    <Menu position="bottom-end" withinPortal>
      <Menu.Target>
        <Button variant="subtle" color="gray" leftSection={<IconDownload size={15} />}>
          {e.title}
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item onClick={() => loaded('csv')}>{e.loadedCsv}</Menu.Item>
        <Menu.Item onClick={() => loaded('ndjson')}>{e.loadedNdjson}</Menu.Item>
        {first !== null && (
          <>
            <Menu.Divider />
            <Menu.Item onClick={() => void whole('csv')}>{e.allCsv(max)}</Menu.Item>
            <Menu.Item onClick={() => void whole('ndjson')}>{e.allNdjson(max)}</Menu.Item>
          </>
        )}
      </Menu.Dropdown>
    </Menu>
  )
}
