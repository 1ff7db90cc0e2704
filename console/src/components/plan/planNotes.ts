import type { Language } from '@/i18n'

/** What the server notes about a node of a plan, in Chinese. It writes English itself. */
const chinese: readonly (readonly [RegExp, string])[] = [
  [/^evaluated once: does not depend on the step$/, '只求值一次：与步长无关'],
  [/^evaluated (\d+) times$/, '求值 $1 次'],
  [/^computed together with the node above$/, '与上一级节点一并计算'],
  [/^its inside is evaluated at (\d+) steps$/, '内层在 $1 个时间点上求值'],
  [/^(\d+) of (\d+) series have a sample that counts$/, '$2 条序列中有 $1 条存在有效样本'],
  [/^asked for by the function itself$/, '由函数自身查询'],
  [/^computed together with the node below$/, '与下一级节点一并计算'],
  [/^the same as before: evaluated once$/, '与前面相同：只求值一次'],
  [/^done by the store while it reads$/, '由存储在读取时完成'],
  [/^(\d+) of (\d+) row groups were read$/, '读取了 $2 个行组中的 $1 个'],
  [/^no stream has lines that match$/, '没有日志流包含匹配的行'],
  [/^answered from the index$/, '由索引直接回答'],
  [
    /^no series matches; (.+) compares exactly: =~ takes a pattern$/,
    '没有匹配的序列；$1 是精确比较，模式请用 =~',
  ],
]

export function planNote(note: string, language: Language): string {
  if (language === 'en') return note
  const known = chinese.find(([pattern]) => pattern.test(note))
  return known === undefined ? note : note.replace(known[0], known[1])
}
