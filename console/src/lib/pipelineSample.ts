import type { Labels } from '../api/types'

/** A line break within a record, where each line of a text is a record. */
const breakMark = '↵'

/** The lines of a sample; empty ones are none. */
export const linesIn = (sample: string): string[] =>
  sample
    .split(/\r?\n/)
    .filter((line) => line.trim() !== '')
    .map((line) => line.replaceAll(breakMark, '\n'))

export const sampleOf = (lines: readonly string[]): string =>
  lines.map((line) => line.replace(/\r?\n/g, breakMark)).join('\n')

/** Labels as people write them: `service.name=web, host="a b"`, in braces or not. */
export function labelsIn(text: string): Labels {
  const out: Record<string, string> = {}
  for (const found of text.matchAll(/([^\s=,{}"]+)\s*=\s*("(?:[^"\\]|\\.)*"|[^,{}"]*)/g)) {
    const raw = (found[2] ?? '').trim()
    const value = raw.startsWith('"') ? raw.slice(1, -1).replace(/\\(.)/g, '$1') : raw
    if (value !== '') out[found[1] ?? ''] = value
  }
  return out
}

export const labelsText = (labels: Labels): string =>
  Object.entries(labels)
    .map(([name, value]) => `${name}=${/^[^\s,{}"]+$/.test(value) ? value : JSON.stringify(value)}`)
    .join(', ')
