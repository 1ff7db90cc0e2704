import type { PipelineConfig } from '../api/pipelines'
import type { ErrorPosition, Mistake } from './serverError'
import { offsetOf } from './serverError'
import { at, placeOf, readYaml, type YamlNode } from './yamlTree'

/** Settings that say nothing when they hold this. */
const silent: Readonly<Record<string, unknown>> = {
  prefix: '',
  help: '',
  not: false,
  utc_offset_minutes: 0,
}
/** Lists and maps that say nothing when they are empty. */
const silentEmpty = new Set(['patterns', 'values', 'labels', 'buckets', 'then', 'else'])
/** Stages whose names are those of attributes, not of settings. */
const named = new Set(['rename', 'set'])

/** Longer lines are broken up. */
const widthMax = 110

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function isSilent(name: string, value: unknown): boolean {
  if (value === null || value === undefined) return true
  if (name in silent) return silent[name] === value
  if (!silentEmpty.has(name) || typeof value !== 'object') return false
  return Object.keys(value).length === 0
}

/** Settings without those that are left at what they are anyway. */
function told(options: Record<string, unknown>): Record<string, unknown> {
  const out: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(options)) {
    if (isSilent(name, value)) continue
    const stages = (name === 'then' || name === 'else') && Array.isArray(value)
    if (stages) out[name] = value.map(toldStage)
    else out[name] = name === 'when' && isObject(value) ? told(value) : value
  }
  return out
}

function toldStage(stage: unknown): unknown {
  if (!isObject(stage)) return stage
  return Object.fromEntries(
    Object.entries(stage).map(([name, options]) => [
      name,
      isObject(options) && !named.has(name) ? told(options) : options,
    ]),
  )
}

/** A text as YAML reads it back: bare where that is safe, else in quotes. */
function scalar(value: unknown): string {
  if (typeof value !== 'string') return JSON.stringify(value)
  const bare = /^[A-Za-z_/][\w./-]*$/.test(value) && !/^(true|false|null|yes|no|on|off|y|n)$/i.test(value)
  if (bare) return value
  return /[\p{Cc}\u2028\u2029\ufeff]/u.test(value)
    ? JSON.stringify(value)
    : `'${value.replaceAll("'", "''")}'`
}

function flow(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(flow).join(', ')}]`
  if (!isObject(value)) return scalar(value)
  const pairs = Object.entries(value).map(([name, held]) => `${scalar(name)}: ${flow(held)}`)
  return `{${pairs.join(', ')}}`
}

function block(value: unknown, indent: string): string {
  const short = flow(value)
  if (short.length + indent.length <= widthMax || typeof value !== 'object' || value === null)
    return ` ${short}`
  if (Array.isArray(value)) return value.map((item) => `\n${indent}-${block(item, `${indent}  `)}`).join('')
  return Object.entries(value)
    .map(([name, held]) => `\n${indent}${scalar(name)}:${block(held, `${indent}  `)}`)
    .join('')
}

function stageYaml(stage: unknown, indent: string): string {
  if (!isObject(stage)) return `${indent}- ${flow(stage)}`
  const [name = '', options] = Object.entries(stage)[0] ?? []
  if (name === 'if' && isObject(options)) {
    const lines = [`${indent}- if:`, `${indent}    when:${block(options.when, `${indent}      `)}`]
    for (const branch of ['then', 'else'])
      if (Array.isArray(options[branch])) {
        lines.push(`${indent}    ${branch}:`)
        for (const inner of options[branch]) lines.push(stageYaml(inner, `${indent}    `))
      }
    return lines.join('\n')
  }
  return `${indent}- ${name}:${block(options, `${indent}    `)}`
}

/** A pipeline in force as one would write it, an item of the list `pipelines`. */
export function pipelineYaml({ name, match, stages }: PipelineConfig): string {
  const lines = [`- name: ${scalar(name)}`]
  if (Object.keys(match).length > 0) lines.push(`  match:${block(match, '    ')}`)
  if (stages.length === 0) lines.push('  stages: []')
  else lines.push('  stages:', ...stages.map((stage) => stageYaml(toldStage(stage), '  ')))
  return `${lines.join('\n')}\n`
}

/** What stands before the pipeline itself: comments, empty lines, and the key of the list. */
const ahead = /^(?:[ \t]*(?:#[^\n]*|---[ \t]*|pipelines:[ \t]*(?:#[^\n]*)?)?\n)+/

/**
 * The text as the server takes it for a trial: a pipeline, or a list with one. What stands before it is blanked, so that
 * places in it stay the same.
 */
export function trialText(text: string): string {
  return text.replace(ahead, (found) => found.replace(/[^\n]/g, ''))
}

/** The text as a section of the configuration. */
export function configBlock(text: string): string {
  const trimmed = text.trimEnd()
  if (/^pipelines:/m.test(trimmed)) return `${trimmed}\n`
  const first = trialText(`${trimmed}\n`).trimStart()
  if (first.startsWith('-') || first.startsWith('[')) return `pipelines:\n${trimmed}\n`
  const lines = trimmed.split('\n')
  const start = lines.findIndex((line) => line.trim() !== '' && !/^\s*(#|---)/.test(line))
  const item = lines.map((line, i) =>
    line === '' ? line : `${i === start ? '- ' : i < start ? '' : '  '}${line}`,
  )
  return `pipelines:\n${item.filter((line) => !line.startsWith('---')).join('\n')}\n`
}

/** The pipeline of a text: it may be given alone, as the item of a list, or under `pipelines`. */
export function pipelineIn(text: string): YamlNode | null {
  const root = readYaml(text)
  const list = at(root, 'pipelines') ?? root
  return list?.kind === 'list' ? (list.items[0] ?? null) : list
}

/** A complaint about a pipeline, in two parts: in words, and what is set below in a fixed width. */
export interface Complaint {
  readonly words: string
  readonly detail: string
  readonly mistake: Mistake | null
}

function positionOf(text: string, from: number): ErrorPosition {
  const before = text.slice(0, from).split('\n')
  return { line: before.length, column: (before.at(-1)?.length ?? 0) + 1 }
}

/** Where in the text a complaint of the server points, and what it says there. */
export function complaintOf(message: string, text: string): Complaint {
  const [first = '', ...more] = message.split('\n')
  const detail = more.join('\n')
  const yaml = /^yaml: line (\d+), column (\d+): (.*)$/.exec(first)
  if (yaml !== null) {
    const position = { line: Number(yaml[1]), column: Number(yaml[2]) }
    const from = offsetOf(text, position)
    const word = /^[^\s:,{}[\]]+/.exec(text.slice(from))
    const to = from + (word === null ? 1 : word[0].length)
    return { words: yaml[3] ?? '', detail, mistake: { ...position, from, to, help: '' } }
  }
  const path = /^pipelines\[0\]\.?(\S*?): (.*)$/.exec(first)
  const root = path === null ? null : pipelineIn(text)
  if (path === null || root === null) return { words: first, detail, mistake: null }
  const { from, to } = placeOf(root, path[1] ?? '')
  const mistake = { ...positionOf(text, from), from, to: Math.max(to, from + 1), help: '' }
  return { words: `${path[1] ?? ''}: ${path[2] ?? ''}`, detail, mistake }
}
