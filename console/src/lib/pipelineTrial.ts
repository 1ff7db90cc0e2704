import type { Pair, TriedLine, TriedRecord } from '../api/pipelines'
import type { Labels } from '../api/types'
import { allTexts, at, textAt, textsOf, type YamlNode } from './yamlTree'

/** What one stage changed in a record. */
export interface Change {
  readonly part: 'time' | 'level' | 'line' | 'attribute' | 'label' | 'trace' | 'span'
  /** Of an attribute or a label; else empty. */
  readonly name: string
  /** Null where it was not there before. */
  readonly before: string | null
  /** Null where it is gone. */
  readonly after: string | null
}

/** What a stage did, beside what the server says of it. */
export interface StageDone {
  readonly stage: string
  readonly place: number
  readonly note: string
  readonly dropped: boolean
  readonly changes: readonly Change[]
}

export interface LineTrial {
  readonly line: string
  readonly stages: readonly StageDone[]
  readonly result: TriedRecord | null
  /** Parts of the line and of attributes that were made unreadable. */
  readonly secrets: readonly string[]
  /** The time is the line's own, not that of the trial. */
  readonly timed: boolean
}

function pairChanges(part: 'attribute' | 'label', before: readonly Pair[], after: readonly Pair[]): Change[] {
  const old = new Map(before)
  const now = new Map(after)
  const gone = before.filter(([name]) => !now.has(name))
  const come = after.filter(([name, value]) => old.get(name) !== value)
  return [
    ...come.map(([name, value]): Change => ({ part, name, before: old.get(name) ?? null, after: value })),
    ...gone.map(([name, value]): Change => ({ part, name, before: value, after: null })),
  ]
}

/** What is different in a record after a stage. */
export function changesOf(before: TriedRecord, after: TriedRecord): Change[] {
  const plain = (part: Change['part'], a: string, b: string): Change[] =>
    a === b ? [] : [{ part, name: '', before: a === '' ? null : a, after: b === '' ? null : b }]
  return [
    ...plain('time', String(before.timeMs), String(after.timeMs)),
    ...plain('level', before.level, after.level),
    ...plain('line', before.body, after.body),
    ...plain('trace', before.traceId, after.traceId),
    ...plain('span', before.spanId, after.spanId),
    ...pairChanges('label', before.labels, after.labels),
    ...pairChanges('attribute', before.attributes, after.attributes),
  ]
}

const start = (line: string, timeMs: number): TriedRecord => ({
  timeMs,
  level: 'unknown',
  body: line,
  attributes: [],
  labels: [],
  traceId: '',
  spanId: '',
})

/** What stands in place of secrets: the server's own word, and those a text sets. */
export function replacementsIn(pipeline: YamlNode | null): string[] {
  const found = ['[redacted]']
  const visit = (node: YamlNode | null) => {
    if (node?.kind === 'list') node.items.forEach(visit)
    if (node?.kind !== 'map') return
    for (const { name, value } of node.pairs)
      if (name === 'replacement' && value?.kind === 'text' && value.text !== '') found.push(value.text)
      else visit(value)
  }
  visit(pipeline)
  return found
}

/** What a text lost where these words stand in it now; null if it does not come about by such a replacement. */
export function secretsIn(before: string, after: string, words: readonly string[]): string[] | null {
  for (const word of words) {
    const kept = after.split(word)
    if (kept.length < 2) continue
    const secrets: string[] = []
    let from = 0
    const fits = kept.every((piece, i) => {
      const last = i === kept.length - 1
      const found = i === 0 ? 0 : last ? before.length - piece.length : before.indexOf(piece, from)
      if (found < from || !before.startsWith(piece, found)) return false
      if (i > 0) secrets.push(before.slice(from, found))
      from = found + piece.length
      return true
    })
    if (fits) return secrets.filter((secret) => secret !== '' && secret !== word)
  }
  return null
}

/**
 * The trial of a line with what each stage changed. `nowMs` is the moment of the trial: records have it until a stage
 * finds their own time.
 */
export function trialOf(tried: TriedLine, nowMs: number, words: readonly string[]): LineTrial {
  let before = start(tried.line, nowMs)
  const secrets = new Set<string>()
  const stages = tried.steps.map(({ stage, place, note, record }, i): StageDone => {
    const changes = record === null ? [] : changesOf(before, record)
    before = record ?? before
    if (stage === 'redact' || stage === 'if')
      for (const { before: was, after } of changes)
        if (was !== null && after !== null)
          for (const secret of secretsIn(was, after, words) ?? []) secrets.add(secret)
    const dropped = tried.result === null && i === tried.steps.length - 1
    return { stage, place, note, dropped, changes }
  })
  const timed = tried.result !== null && tried.result.timeMs !== nowMs
  return { line: tried.line, stages, result: tried.result, secrets: [...secrets], timed }
}

/** One series of a derived metric, as the lines of a trial would count. */
export interface DerivedSeries {
  readonly labels: Labels
  readonly count: number
  readonly sum: number
}

export interface DerivedMetric {
  readonly name: string
  readonly type: string
  /** The place of its stage. */
  readonly place: number
  readonly series: readonly DerivedSeries[]
}

const stagesOf = (pipeline: YamlNode | null): readonly (YamlNode | null)[] => {
  const stages = at(pipeline, 'stages')
  return stages?.kind === 'list' ? stages.items : []
}

/** Whether metrics are counted within a condition, where a trial does not tell what was counted. */
export function hasHiddenMetric(pipeline: YamlNode | null): boolean {
  const within = (node: YamlNode | null): boolean =>
    node?.kind === 'list'
      ? node.items.some(within)
      : node?.kind === 'map' && node.pairs.some(({ name, value }) => name === 'metric' || within(value))
  return stagesOf(pipeline).some((stage) => within(at(stage, 'if')))
}

/** What metrics the lines of a trial would be counted in, by the stages of a pipeline that did count. */
export function derivedBy(
  pipeline: YamlNode | null,
  tried: readonly TriedLine[],
  streamLabels: Labels,
): DerivedMetric[] {
  return stagesOf(pipeline).flatMap((stage, place): DerivedMetric[] => {
    const config = at(stage, 'metric')
    const name = textAt(config, 'name')
    if (name === null) return []
    const value = textAt(config, 'value')
    const labels = Object.entries(textsOf(at(config, 'labels')))
    const series = new Map<string, DerivedSeries>()
    for (const { line, steps } of tried) {
      if (!steps.some((step) => step.place === place && step.note === '')) continue
      const record =
        steps.findLast((step) => step.place <= place && step.record !== null)?.record ?? start(line, 0)
      const attributes = new Map(record.attributes)
      const set = new Map(record.labels)
      const pairs = labels.map(([label, from]) => {
        const level = from === 'level' ? record.level : ''
        return [label, attributes.get(from) ?? set.get(from) ?? streamLabels[from] ?? level] as const
      })
      const shown = Object.fromEntries(pairs.filter(([, held]) => held !== ''))
      const key = JSON.stringify(pairs)
      const known = series.get(key) ?? { labels: shown, count: 0, sum: 0 }
      const added = value === null ? 1 : Number(attributes.get(value) ?? NaN)
      series.set(key, { labels: shown, count: known.count + 1, sum: known.sum + added })
    }
    return [{ name, type: textAt(config, 'type') ?? '', place, series: [...series.values()] }]
  })
}

/** The text of a stage on one line, to say what it asks for. */
export function stageText(pipeline: YamlNode | null, place: number, source: string): string {
  const stage = stagesOf(pipeline)[place]
  return stage === null || stage === undefined
    ? ''
    : source.slice(stage.from, stage.to).replace(/\s+/g, ' ').trim()
}

/**
 * Names as they were sent. Queries show `service.name` as `service_name`; what the pipeline itself speaks of tells which
 * one it was.
 */
export function sentNames(labels: Labels, pipeline: YamlNode | null): Labels {
  const match = at(pipeline, 'match')
  const spoken = [
    ...allTexts(pipeline),
    ...(match?.kind === 'map' ? match.pairs.map(({ name }) => name) : []),
  ]
  const known = new Map(spoken.map((name) => [name.replace(/\W/g, '_'), name]))
  return Object.fromEntries(Object.entries(labels).map(([name, value]) => [known.get(name) ?? name, value]))
}
