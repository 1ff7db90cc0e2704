/** What a number measures; decides how axes, legends and tiles write it. */
export type Unit =
  'bytes' | 'bytes/s' | 'seconds' | 'ratio' | 'short' | 'per-second' | 'timestamp' | 'celsius' | 'hertz'

export const units: readonly Unit[] = [
  'short',
  'bytes',
  'bytes/s',
  'seconds',
  'ratio',
  'per-second',
  'hertz',
  'celsius',
  'timestamp',
]

const binary = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB']
const decimal = ['', 'k', 'M', 'G', 'T', 'P', 'E']

/** About `digits` significant digits without an exponent in the everyday range, and no trailing zeros. */
export function significant(value: number, digits = 3): string {
  if (value === 0) return '0'
  const magnitude = Math.floor(Math.log10(Math.abs(value)))
  if (magnitude < -6 || magnitude > 14) return value.toExponential(digits - 1)
  const places = Math.min(Math.max(digits - 1 - magnitude, 0), 12)
  const text = value.toFixed(places)
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text
}

function special(value: number): string | null {
  if (Number.isNaN(value)) return 'NaN'
  if (value === Infinity) return '+Inf'
  return value === -Infinity ? '-Inf' : null
}

function scaled(value: number, base: number, names: readonly string[], digits: number): [string, string] {
  let rank = 0
  let rest = Math.abs(value)
  while (rest >= base * 0.9995 && rank < names.length - 1) {
    rest /= base
    rank++
  }
  return [significant(Math.sign(value) * rest, digits), names[rank] ?? '']
}

export function formatSeconds(value: number, digits = 3): string {
  const size = Math.abs(value)
  if (size === 0) return '0 s'
  if (size < 1e-6) return `${significant(value * 1e9, digits)} ns`
  if (size < 1e-3) return `${significant(value * 1e6, digits)} µs`
  if (size < 1) return `${significant(value * 1e3, digits)} ms`
  if (size < 120) return `${significant(value, digits)} s`
  if (size < 7200) return `${significant(value / 60, digits)} min`
  if (size < 172_800) return `${significant(value / 3600, digits)} h`
  return `${significant(value / 86_400, digits)} d`
}

/** The number and its unit apart, for tiles that set them in different sizes. */
export function formatParts(value: number, unit: Unit, digits = 3): { number: string; suffix: string } {
  const odd = special(value)
  if (odd !== null) return { number: odd, suffix: '' }
  switch (unit) {
    case 'bytes':
    case 'bytes/s': {
      const [number, name] = scaled(value, 1024, binary, digits)
      return { number, suffix: unit === 'bytes' ? name : `${name}/s` }
    }
    case 'ratio':
      return { number: significant(value * 100, digits), suffix: '%' }
    case 'seconds': {
      const [number = '', suffix = ''] = formatSeconds(value, digits).split(' ')
      return { number, suffix }
    }
    case 'per-second': {
      const [number, name] = scaled(value, 1000, decimal, digits)
      return { number, suffix: `${name}/s` }
    }
    case 'hertz': {
      const [number, name] = scaled(value, 1000, decimal, digits)
      return { number, suffix: `${name}Hz` }
    }
    case 'celsius':
      return { number: significant(value, digits), suffix: '°C' }
    case 'timestamp':
      return { number: new Date(value * 1000).toISOString().slice(0, 19).replace('T', ' '), suffix: 'UTC' }
    case 'short': {
      const [number, name] = scaled(value, 1000, decimal, digits)
      return { number, suffix: name }
    }
  }
}

export function formatValue(value: number | null, unit: Unit, digits = 3): string {
  if (value === null) return '–'
  const { number, suffix } = formatParts(value, unit, digits)
  const tight =
    suffix === '' || suffix === '%' || (unit === 'short' && suffix.length === 1) || suffix === '/s'
  return tight ? `${number}${suffix}` : `${number} ${suffix}`
}

const rateCall = /\b(rate|irate|deriv)\s*\(/
const callOrMetric = /[a-zA-Z_:][a-zA-Z0-9_:]*/g
const unitless = /^\s*(count|count_values|absent|absent_over_time|changes|resets|count_over_time|group)\b/

/**
 * Guesses the unit of a query from the name suffixes Prometheus recommends. A guess is enough: it only chooses how
 * numbers are written, and the graph's unit menu overrides it.
 */
export function unitOfQuery(expr: string): Unit {
  const bare = expr
    .replace(/"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`/g, '""')
    .replace(/\{[^}]*\}|\[[^\]]*\]/g, '')
  if (unitless.test(bare)) return 'short'
  // A quotient of like with like has no unit, and we do not track which is which.
  const names = (bare.match(callOrMetric) ?? []).map((name) => name.replace(/_(bucket|sum|total)$/, ''))
  const measured = names.map(suffixUnit).filter((unit) => unit !== null)
  const first = measured[0]
  if (first === undefined) return rateCall.test(bare) ? 'per-second' : 'short'
  // A sum over its count is a mean, in the unit of the sum.
  if (bare.includes('/') && names.some((name) => name.endsWith('_count'))) return first
  if (bare.includes('/') && measured.length > 1) return first === measured[1] ? 'ratio' : 'short'
  if (!rateCall.test(bare) || bare.includes('histogram_quantile')) return first
  if (first === 'bytes') return 'bytes/s'
  return first === 'seconds' ? 'ratio' : 'per-second'
}

/** What the observations of a native histogram measure, whose rate is still a histogram of the same. */
export function unitOfObservations(expr: string): Unit {
  return unitOfQuery(expr.replace(/\b(i?rate|deriv)(?=\s*\()/g, ''))
}

const suffixes: readonly (readonly [string, Unit])[] = [
  ['_bytes', 'bytes'],
  ['_ratio', 'ratio'],
  ['_percent', 'ratio'],
  ['_celsius', 'celsius'],
  ['_hertz', 'hertz'],
  ['_seconds', 'seconds'],
]

/** Seconds since 1970 look like any other seconds; only their usual names tell them apart. */
const instants = /(_timestamp|_(boot|start|expiry|creation|last_\w+)_time)_seconds$|^node_time_seconds$/

function suffixUnit(name: string): Unit | null {
  if (instants.test(name)) return 'timestamp'
  return suffixes.find(([suffix]) => name.endsWith(suffix))?.[1] ?? null
}

/** A count of things people know by number: whole below a million, short above. */
export function formatCount(value: number | null): string {
  if (value === null) return '–'
  return Math.abs(value) < 1e6 ? Math.round(value).toLocaleString('en-US') : formatValue(value, 'short', 4)
}
