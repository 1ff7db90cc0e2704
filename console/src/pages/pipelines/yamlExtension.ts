import type { Completion, CompletionContext, CompletionResult } from '@codemirror/autocomplete'
import { yaml, yamlLanguage } from '@codemirror/lang-yaml'
import { indentUnit } from '@codemirror/language'
import type { Extension } from '@codemirror/state'

/** Stages as they are begun, with what has to be filled in. */
const stages: readonly (readonly [string, string])[] = [
  ['json', 'json: {}'],
  ['logfmt', 'logfmt: {}'],
  ['regex', "regex: {pattern: '(?P<name>.*)'}"],
  ['grok', "grok: {pattern: '%{WORD:name}'}"],
  ['timestamp', 'timestamp: {field: ts}'],
  ['level', 'level: {field: level}'],
  ['trace', 'trace: {}'],
  ['detect', 'detect: {}'],
  ['body', 'body: msg'],
  ['rename', 'rename: {old: new}'],
  ['remove', 'remove: [name]'],
  ['keep', 'keep: [name]'],
  ['set', 'set: {name: value}'],
  ['labels', 'labels: [name]'],
  ['drop', 'drop: {contains: text}'],
  ['sample', 'sample: {keep: 0.1}'],
  ['redact', 'redact: {}'],
  ['metric', 'metric: {name: lines_total, type: counter}'],
  ['if', 'if: {when: {level_at_least: error}, then: [{set: {name: value}}]}'],
]

const condition = [
  'field',
  'equals',
  'any_of',
  'contains',
  'matches',
  'exists',
  'at_least',
  'at_most',
  'level_at_least',
  'level_at_most',
  'not',
]

/** The settings of stages whose settings have names. */
const settings: Readonly<Record<string, readonly string[]>> = {
  json: ['field', 'prefix'],
  logfmt: ['field', 'prefix'],
  regex: ['pattern', 'field'],
  grok: ['pattern', 'patterns', 'field'],
  timestamp: ['field', 'format', 'utc_offset_minutes'],
  level: ['field', 'values'],
  trace: ['trace_id', 'span_id'],
  detect: ['time', 'level', 'utc_offset_minutes'],
  drop: condition,
  when: condition,
  sample: ['keep', 'by'],
  redact: ['builtin', 'patterns', 'fields', 'replacement'],
  metric: ['name', 'type', 'value', 'labels', 'buckets', 'help'],
}

const stageOptions: readonly Completion[] = stages.map(([label, apply]) => ({
  label,
  apply,
  detail: apply.slice(label.length + 1).trim(),
  type: 'keyword',
}))

/** Stages behind the dash of an item, settings behind the brace or comma of a stage on one line. */
function complete(context: CompletionContext): CompletionResult | null {
  const line = context.state.doc.lineAt(context.pos)
  const before = line.text.slice(0, context.pos - line.from)
  const item = /^\s+-\s+(\w*)$/.exec(before)
  if (item !== null) return { from: context.pos - (item[1] ?? '').length, options: stageOptions }
  const setting = /(\w+):\s*\{(?:[^{}]*,)?\s*(\w*)$/.exec(before)
  const names = settings[setting?.[1] ?? '']
  if (setting === null || names === undefined) return null
  const options = names.map((label) => ({ label, apply: `${label}: `, type: 'property' }))
  return { from: context.pos - (setting[2] ?? '').length, options }
}

/** YAML in an editor, with the words of pipelines. */
export const pipelineLanguage: Extension = [
  yaml(),
  indentUnit.of('  '),
  yamlLanguage.data.of({ autocomplete: complete }),
]
