import type { Language } from '@/i18n'

/** Why a stage did nothing, in Chinese. The server writes English itself. */
const chinese: readonly (readonly [RegExp, string])[] = [
  [/^the record is dropped$/, '此记录被丢弃'],
  [/^there is no attribute (.+)$/, '没有属性 $1'],
  [/^the body is no text$/, '日志内容不是文本'],
  [/^attribute (.+) is no text$/, '属性 $1 不是文本'],
  [/^attribute (.+) is no number$/, '属性 $1 不是数字'],
  [/^(.+) is not such a time$/, '$1 不是这种格式的时间'],
  [/^(.+) is no level$/, '$1 不是级别'],
  [/^neither (.+) nor (.+) is an id in hexadecimal$/, '$1 和 $2 都不是十六进制的标识'],
  [/^it is no JSON object$/, '不是 JSON 对象'],
  [/^it is not logfmt: a quote stands where a name should$/, '不是 logfmt：应为名称的位置出现了引号'],
  [/^it is not logfmt: a value has no name$/, '不是 logfmt：有值没有名称'],
  [/^it is not logfmt: a quote does not end$/, '不是 logfmt：引号没有结束'],
  [/^it holds no pair name=value$/, '其中没有 name=value'],
  [/^the pattern does not match$/, '模式不匹配'],
  [/^the line has no time or level of a known format$/, '该行没有已知格式的时间或级别'],
  [/^a counter does not fall: the value is below 0$/, '计数器不能减少：值小于 0'],
]

export function stageNote(note: string, language: Language): string {
  if (language === 'en') return note
  const known = chinese.find(([pattern]) => pattern.test(note))
  return known === undefined ? note : note.replace(known[0], known[1])
}
