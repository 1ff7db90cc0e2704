import { ms, type Milliseconds } from './brand'

const unitMs: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
  y: 31_536_000_000,
}

const part = /(\d+)(ms|[smhdwy])/gy

/** Reads a PromQL duration such as `1h30m`; null when it is not one. */
export function parseDuration(text: string): Milliseconds | null {
  if (text === '') return null
  let total = 0
  part.lastIndex = 0
  let consumed = 0
  for (let match = part.exec(text); match !== null; match = part.exec(text)) {
    total += Number(match[1]) * (unitMs[match[2] ?? ''] ?? NaN)
    consumed = part.lastIndex
  }
  return consumed === text.length && Number.isFinite(total) ? ms(total) : null
}

/** Writes a duration as PromQL reads it, largest unit first: `90_000` becomes `1m30s`. */
export function formatDuration(duration: Milliseconds): string {
  let rest = Math.round(duration)
  if (rest <= 0) return '0s'
  let text = ''
  for (const name of ['d', 'h', 'm', 's', 'ms']) {
    const size = unitMs[name] ?? 1
    const count = Math.floor(rest / size)
    if (count > 0) text += `${count}${name}`
    rest -= count * size
  }
  return text
}
