/**
 * The address bar holds plain `name=value` pairs, a name repeated for a list, so that links can be read and written
 * by hand (`?from=now-1h&q=up&q=rate(x[5m])`).
 */
export type SearchValue = string | readonly string[]
export type SearchParams = Record<string, SearchValue | undefined>

export function parseSearch(text: string): Record<string, SearchValue> {
  const out: Record<string, SearchValue> = {}
  for (const [name, value] of new URLSearchParams(text)) {
    const known = out[name]
    out[name] = known === undefined ? value : typeof known === 'string' ? [known, value] : [...known, value]
  }
  return out
}

export function stringifySearch(params: Readonly<Record<string, unknown>>): string {
  const out = new URLSearchParams()
  for (const [name, value] of Object.entries(params)) {
    if (typeof value === 'string') out.append(name, value)
    else if (Array.isArray(value)) for (const item of value) out.append(name, String(item))
  }
  const text = out.toString()
  // Colons, commas and slashes are legal in a query and easier to read bare.
  return text === '' ? '' : `?${text.replace(/%3A/g, ':').replace(/%2C/g, ',').replace(/%2F/g, '/')}`
}

export const one = (value: unknown): string | undefined => {
  if (typeof value === 'string') return value
  const first: unknown = Array.isArray(value) ? value[0] : undefined
  return typeof first === 'string' ? first : undefined
}

export const many = (value: unknown): string[] => {
  if (typeof value === 'string') return [value]
  return Array.isArray(value) ? value.filter((item): item is string => typeof item === 'string') : []
}

export function oneOf<T extends string>(value: unknown, allowed: readonly T[]): T | undefined {
  const text = one(value)
  return allowed.find((item) => item === text)
}
