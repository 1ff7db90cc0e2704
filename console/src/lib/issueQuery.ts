import type { ErrorsSearch } from '@/state/errorSearch'

/** A condition as the server reads it. It knows no escapes: a quote within a value is left out. */
function condition(name: string, value: string): string {
  const bare = value.replaceAll('"', '')
  return /\s/.test(bare) ? `${name}:"${bare}"` : `${name}:${bare}`
}

/** What the controls say, as one query: words of the text first. */
export function queryOf(search: ErrorsSearch): string {
  const { q = '', is, service, level, release, env, assigned } = search
  const named: readonly (readonly [string, string | undefined])[] = [
    ['is', is],
    ['service', service],
    ['level', level],
    ['release', release],
    ['environment', env],
    ['assigned', assigned === '-' ? undefined : assigned],
  ]
  const conditions = named.flatMap(([name, value]) =>
    value === undefined || value === '' ? [] : [condition(name, value)],
  )
  return [q.trim(), ...conditions, ...(assigned === '-' ? ['is:unassigned'] : [])]
    .filter((part) => part !== '')
    .join(' ')
}

/** Whether anything narrows the list besides the state. */
export const isNarrowed = (search: ErrorsSearch): boolean =>
  search.project !== undefined || queryOf(search) !== ''
