import { Button, Skeleton, useComputedColorScheme } from '@mantine/core'
import { IconTimeline } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { getRouteApi, Link } from '@tanstack/react-router'
import { useCallback, useDeferredValue, useMemo, useRef, useState } from 'react'
import { ApiError } from '@/api/http'
import { Message } from '@/components/Message'
import { useMessages } from '@/i18n'
import { levelColor } from '@/lib/levels'
import { serviceColors } from '@/lib/trace/colors'
import { found } from '@/lib/trace/find'
import { ancestors, collapsedBelow, endOf, hasChildren, visibleRows } from '@/lib/trace/tree'
import { traceOptions } from '@/state/trace'
import { useBase } from '@/pages/logs/useBase'
import { Header } from './Header'
import { Minimap } from './Minimap'
import { SpanDetail } from './SpanDetail'
import { Toolbar } from './Toolbar'
import styles from './TracePage.module.css'
import { useSpanKeys } from './useSpanKeys'
import { useTraceModel, type TraceModel } from './traceModel'
import { useTraceView } from './view'
import { Waterfall } from './Waterfall'

const route = getRouteApi('/traces/$id')

/** One trace: what called what, when, and for how long. */
export function TracePage() {
  const t = useMessages('trace').trace
  const { id } = route.useParams()
  const asked = useQuery(traceOptions(id))
  const model = useTraceModel(asked.data)
  if (asked.error !== null && model === null) {
    const missing = asked.error instanceof ApiError && asked.error.kind === 'missing'
    return (
      <Message
        icon={<IconTimeline size={44} stroke={1.3} />}
        title={missing ? t.missing : t.unreadable}
        actions={
          <>
            <Button variant="default" onClick={() => void asked.refetch()}>
              {t.again}
            </Button>
            <Button variant="default" renderRoot={(props) => <Link {...props} to="/traces" />}>
              {t.toSearch}
            </Button>
          </>
        }
      >
        <p>
          <code className="mono">{id}</code>
        </p>
        <p>{missing ? t.missingHint : asked.error.message}</p>
      </Message>
    )
  }
  // The next trace begins with nothing folded, found or chosen.
  return model === null ? <Skeleton height={480} radius="md" /> : <Shown key={id} model={model} />
}

const noLogs = '{service_name=~".+"}'

function Shown({ model }: { readonly model: TraceModel }) {
  const { tree } = model
  const scheme = useComputedColorScheme('dark', { getInitialValueInEffect: false })
  const base = useBase()
  const logs = base?.selector ?? noLogs
  const [view, change] = useTraceView()
  const [collapsed, setCollapsed] = useState<ReadonlySet<number>>(new Set())
  const [service, setService] = useState<string | null>(null)
  const [only, setOnly] = useState(false)
  const scroller = useRef<HTMLDivElement>(null)
  const colors = useMemo(
    () =>
      serviceColors(
        tree.services.map(({ name }) => name),
        scheme,
      ),
    [tree, scheme],
  )

  const find = useDeferredValue(view.find)
  const matches = useMemo(() => found(tree.spans, find), [tree, find])
  const matched = useMemo(() => new Set(matches), [matches])
  const wanted = only && find !== '' ? matches : null
  const rows = useMemo(() => visibleRows(tree, collapsed, wanted), [tree, collapsed, wanted])
  const selected = view.span === null ? -1 : (model.placeOf.get(view.span) ?? placeOfSpan(model, view.span))

  const select = useCallback(
    (at: number) => {
      const span = tree.spans[at]
      if (span === undefined) return
      // What is chosen is seen, whatever was folded away above it.
      const above = ancestors(tree, at)
      setCollapsed((old) => (above.some((of) => old.has(of)) ? without(old, above) : old))
      change({ span: span.id })
    },
    [tree, change],
  )
  const fold = useCallback((at: number) => {
    setCollapsed((old) => {
      const next = new Set(old)
      if (!next.delete(at)) next.add(at)
      return next
    })
  }, [])
  const onRow = useCallback((at: number) => select(at), [select])

  const row = rows.indexOf(selected)
  const move = (by: number) => {
    const next = rows[row < 0 ? 0 : Math.min(Math.max(row + by, 0), rows.length - 1)]
    if (next !== undefined) select(next)
  }
  const among = (places: readonly number[], by: 1 | -1) => {
    if (places.length === 0) return
    const next =
      by === 1
        ? places.find((at) => at > selected)
        : places.findLast((at) => at < (selected < 0 ? Infinity : selected))
    const around = by === 1 ? places[0] : places.at(-1)
    select(next ?? around ?? 0)
  }
  const close = () => change({ span: null })
  const zoomToSpan = () => {
    const span = tree.spans[selected]
    if (span === undefined) return
    const margin = Math.max(span.duration * 0.05, 1)
    change({ zoom: { from: Math.max(span.offset - margin, 0), to: endOf(span) + margin } })
  }
  const foldBelow = (depth: number) => {
    const next = depth === 0 ? new Set<number>() : collapsedBelow(tree, depth)
    setCollapsed(next)
    // What was chosen may be folded away; what hides it is chosen instead.
    const hiding =
      selected < 0 ? undefined : tree.spans[ancestors(tree, selected).find((at) => next.has(at)) ?? -1]
    if (hiding !== undefined) change({ span: hiding.id })
  }
  useSpanKeys(scroller, {
    move,
    ends: (last) => select(rows[last ? rows.length - 1 : 0] ?? 0),
    inwards: () => {
      if (selected < 0) move(1)
      else if (collapsed.has(selected)) fold(selected)
      else if (hasChildren(tree, selected)) move(1)
    },
    outwards: () => {
      if (selected >= 0 && hasChildren(tree, selected) && !collapsed.has(selected)) fold(selected)
      else if ((tree.parent[selected] ?? -1) >= 0) select(tree.parent[selected] ?? 0)
    },
    open: () => {
      if (selected >= 0 && hasChildren(tree, selected)) fold(selected)
    },
    close,
    match: (by) => among(matches, by),
    error: (by) => among(model.errors, by),
    path: () => change({ path: !view.path }),
    fold: () => foldBelow(collapsed.size > 0 ? 0 : 1),
    zoom: zoomToSpan,
    whole: () => change({ zoom: null }),
  })
  return (
    <div className={styles.page}>
      <Header model={model} colors={colors} logs={logs} service={service} onService={setService} />
      <Minimap
        tree={tree}
        colors={colors}
        errorColor={levelColor('error', scheme)}
        zoom={view.zoom}
        onZoom={(zoom) => change({ zoom })}
      />
      <section className={styles.body}>
        <Toolbar
          view={view}
          change={change}
          matches={matches}
          match={matches.indexOf(selected)}
          errors={model.errors.length}
          only={only}
          onOnly={setOnly}
          onMatch={(by) => among(matches, by)}
          onError={(by) => among(model.errors, by)}
          onFold={foldBelow}
        />
        <div className={styles.split}>
          <Waterfall
            tree={tree}
            rows={rows}
            colors={colors}
            zoom={view.zoom}
            parts={view.path ? model.pathOf : null}
            collapsed={collapsed}
            selected={selected}
            matches={matched}
            service={service}
            scroller={scroller}
            onSelect={onRow}
            onFold={fold}
            onZoom={(zoom) => change({ zoom })}
          />
          {selected >= 0 && (
            <SpanDetail
              model={model}
              at={selected}
              color={colors.get(tree.spans[selected]?.service ?? '') ?? 'var(--wf-muted)'}
              logs={logs}
              onClose={close}
              onSelect={select}
            />
          )}
        </div>
      </section>
    </div>
  )
}

/** Links from elsewhere know the id that a span was sent with. */
function placeOfSpan({ tree }: TraceModel, spanId: string): number {
  return tree.spans.findIndex((span) => span.spanId === spanId)
}

function without(set: ReadonlySet<number>, places: readonly number[]): ReadonlySet<number> {
  const next = new Set(set)
  for (const at of places) next.delete(at)
  return next
}
