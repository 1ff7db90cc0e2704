/** Narrow decoders: each takes what JSON.parse gave and returns a typed value or names the path that is wrong. */
export class DecodeError extends Error {
  constructor(path: string, expected: string, value: unknown) {
    super(
      `unexpected answer at ${path === '' ? 'top level' : path}: expected ${expected}, got ${describe(value)}`,
    )
    this.name = 'DecodeError'
  }
}

export type Decoder<T> = (value: unknown, path: string) => T
export type Fields = Readonly<Record<string, unknown>>

function describe(value: unknown): string {
  if (value === null) return 'null'
  if (value === undefined) return 'nothing'
  return Array.isArray(value) ? 'an array' : `${typeof value} ${JSON.stringify(value).slice(0, 40)}`
}

export const text: Decoder<string> = (value, path) => {
  if (typeof value !== 'string') throw new DecodeError(path, 'a string', value)
  return value
}

export const number: Decoder<number> = (value, path) => {
  if (typeof value !== 'number') throw new DecodeError(path, 'a number', value)
  return value
}

export const fields: Decoder<Fields> = (value, path) => {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new DecodeError(path, 'an object', value)
  }
  return value as Fields
}

export const items: Decoder<readonly unknown[]> = (value, path) => {
  if (!Array.isArray(value)) throw new DecodeError(path, 'an array', value)
  return value as readonly unknown[]
}

export const list =
  <T>(item: Decoder<T>): Decoder<T[]> =>
  (value, path) =>
    items(value, path).map((entry, index) => item(entry, `${path}[${index}]`))

export const dictionary =
  <T>(item: Decoder<T>): Decoder<Record<string, T>> =>
  (value, path) => {
    const out: Record<string, T> = {}
    for (const [key, entry] of Object.entries(fields(value, path))) out[key] = item(entry, `${path}.${key}`)
    return out
  }

/** A field that may be missing or null. */
export const optional =
  <T>(item: Decoder<T>, fallback: T): Decoder<T> =>
  (value, path) =>
    value === undefined || value === null ? fallback : item(value, path)

/** A number as Prometheus writes samples: a string, with `NaN` and `+Inf` spelled out. */
export function sampleNumber(written: string): number {
  if (written === '+Inf' || written === 'Inf') return Infinity
  if (written === '-Inf') return -Infinity
  return Number(written)
}
