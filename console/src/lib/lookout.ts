import { at, textAt, type YamlNode } from './yamlTree'

/** Days until a certificate is over, from its end in Unix seconds; below zero once it is. */
export const daysLeft = (expirySeconds: number, nowMs: number): number =>
  Math.floor((expirySeconds * 1000 - nowMs) / 86_400_000)

export type CertificateTone = 'good' | 'warn' | 'bad'

export const certificateTone = (days: number): CertificateTone =>
  days < 7 ? 'bad' : days < 30 ? 'warn' : 'good'

/** When a job is expected, as its configuration says. */
export interface BeatPlan {
  readonly period: string
  readonly schedule: string
  readonly timezone: string
  readonly grace: string
  readonly maxDuration: string
}

const graceUsual = '5m'

function planOf(job: YamlNode | null): BeatPlan {
  return {
    period: textAt(job, 'period') ?? '',
    schedule: textAt(job, 'schedule') ?? '',
    timezone: textAt(job, 'timezone') ?? 'UTC',
    grace: textAt(job, 'grace') ?? graceUsual,
    maxDuration: textAt(job, 'max_duration') ?? '',
  }
}

export interface BeatPlans {
  readonly jobs: ReadonlyMap<string, BeatPlan>
  /** What holds for jobs that report without being configured. */
  readonly unknown: BeatPlan
  readonly takesUnknown: boolean
}

/** What the configuration in force expects of jobs. */
export function beatPlans(config: YamlNode | null): BeatPlans {
  const section = at(config, 'heartbeats')
  const jobs = at(section, 'jobs')
  const named = new Map<string, BeatPlan>()
  if (jobs?.kind === 'list') {
    for (const job of jobs.items) {
      const name = textAt(job, 'name')
      if (name !== null) named.set(name, planOf(job))
    }
  }
  return {
    jobs: named,
    unknown: {
      period: textAt(section, 'unknown_period') ?? '',
      schedule: '',
      timezone: 'UTC',
      grace: textAt(section, 'unknown_grace') ?? graceUsual,
      maxDuration: '',
    },
    takesUnknown: textAt(section, 'unknown') === 'take',
  }
}

export interface TranscriptLine {
  readonly seconds: number
  readonly level: string
  readonly text: string
}

/** What a probe did, as `/probe?debug=true` says it. */
export interface Transcript {
  readonly lines: readonly TranscriptLine[]
  readonly metrics: string
  readonly module: string
  /** From `probe_success`; null where it is not told. */
  readonly success: boolean | null
  readonly durationSeconds: number | null
}

const logLine = /^\s*(\d+(?:\.\d+)?)\s+(\w+)\s+(.*)$/

/** Reads a transcript; text that is not one becomes lines without times. */
export function readTranscript(raw: string): Transcript {
  const [log, rest] = split(raw, 'Metrics that would have been returned:\n')
  const [metrics, module] = split(rest, 'Module configuration:\n')
  const lines = log
    .replace(/^Logs for the probe:\n/, '')
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line): TranscriptLine => {
      const read = logLine.exec(line)
      return read === null
        ? { seconds: NaN, level: '', text: line.trim() }
        : { seconds: Number(read[1]), level: (read[2] ?? '').toLowerCase(), text: read[3] ?? '' }
    })
  const sample = (name: string): number | null => {
    const found = new RegExp(`^${name} (\\S+)$`, 'm').exec(metrics)
    return found === null ? null : Number(found[1])
  }
  const success = sample('probe_success')
  return {
    lines,
    metrics: metrics.trim(),
    module: module.trim(),
    success: success === null ? null : success === 1,
    durationSeconds: sample('probe_duration_seconds'),
  }
}

function split(text: string, mark: string): [string, string] {
  const index = text.indexOf(mark)
  return index < 0 ? [text, ''] : [text.slice(0, index), text.slice(index + mark.length)]
}

/** Whether all words of a filter are in a text, in any case. */
export function hasWords(text: string, filter: string): boolean {
  const lower = text.toLowerCase()
  return filter
    .toLowerCase()
    .split(/\s+/)
    .every((word) => lower.includes(word))
}

/** Labels as words that a filter finds. */
export const labelWords = (labels: Readonly<Record<string, string>>): string =>
  Object.entries(labels)
    .map(([name, value]) => `${name}="${value}" ${name}=${value}`)
    .join(' ')

/** A word as a shell reads it back. */
export const shellWord = (word: string): string =>
  /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`
