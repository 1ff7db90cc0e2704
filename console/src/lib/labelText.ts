import type { Labels } from '../api/types'
import { parseMatchers } from './alertMatchers'

/**
 * Labels as people write or paste them: `a=b, c="d"`, in braces or not, or as JSON. Null if it is neither; conditions
 * that are no equalities are no labels.
 */
export function labelsIn(text: string): Labels | null {
  const trimmed = text.trim()
  if (trimmed.startsWith('{') && /^\{\s*("(?:[^"\\]|\\.)*"\s*:|\})/.test(trimmed)) {
    try {
      const value: unknown = JSON.parse(trimmed)
      if (typeof value !== 'object' || value === null) return null
      const entries = Object.entries(value)
      return entries.every((entry): entry is [string, string] => typeof entry[1] === 'string')
        ? Object.fromEntries(entries)
        : null
    } catch {
      return null
    }
  }
  // Lines and spaces divide as commas do.
  const parsed = parseMatchers(trimmed.replace(/\s*\n\s*/g, ',').replace(/,+/g, ','))
  if ('mistake' in parsed) return null
  if (parsed.matchers.some(({ isEqual, isRegex }) => !isEqual || isRegex)) return null
  return Object.fromEntries(parsed.matchers.map(({ name, value }) => [name, value]))
}
