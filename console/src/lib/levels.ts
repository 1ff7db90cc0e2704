import type { Labels } from '../api/types'
import type { Scheme } from './palette'

/** Severities as the server names them, the gravest first. */
export const levels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'unknown'] as const
export type Level = (typeof levels)[number]

const words: Readonly<Record<string, Level>> = {
  fatal: 'fatal',
  critical: 'fatal',
  crit: 'fatal',
  panic: 'fatal',
  emerg: 'fatal',
  emergency: 'fatal',
  alert: 'fatal',
  error: 'error',
  err: 'error',
  eror: 'error',
  warn: 'warn',
  warning: 'warn',
  info: 'info',
  information: 'info',
  informational: 'info',
  notice: 'info',
  debug: 'debug',
  dbug: 'debug',
  trace: 'trace',
}

export const levelOf = (word: string | undefined): Level => words[(word ?? '').toLowerCase()] ?? 'unknown'

/** Where a severity may stand: as the server found it, then under the names senders give it. */
const names = [
  'detected_level',
  'level',
  'severity',
  'severity_text',
  'log_level',
  'lvl',
  'loglevel',
] as const

/** The severity that the labels of a line speak of, the first of them first. */
export function levelIn(...sources: readonly Labels[]): Level {
  for (const name of names) {
    for (const labels of sources) {
      const level = levelOf(labels[name])
      if (level !== 'unknown') return level
    }
  }
  return 'unknown'
}

const colors: Readonly<Record<Scheme, Readonly<Record<Level, string>>>> = {
  dark: {
    fatal: '#d56bd8',
    error: '#f0625d',
    warn: '#e8b84a',
    info: '#4fae86',
    debug: '#5a9bd4',
    trace: '#8288a8',
    unknown: '#78706a',
  },
  light: {
    fatal: '#9c2fa0',
    error: '#cc3440',
    warn: '#d19a1c',
    info: '#2f9871',
    debug: '#3d82c4',
    trace: '#7a82a4',
    unknown: '#a39a90',
  },
}

export const levelColor = (level: Level, scheme: Scheme): string => colors[scheme][level]
