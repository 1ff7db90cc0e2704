import type { Messages } from '../messages'

export const query: Messages['query'] = {
  run: '执行',
  format: '格式化',
  formatFailed: '无法格式化此查询',
  history: '历史',
  historyEmpty: '执行过的查询会保存在这里，仅限此浏览器。',
  historyClear: '清空历史',
  examples: '示例',
  share: '复制链接',
  shareCopied: '链接已复制',
  inspector: '查询详情',
  suggestion: '建议',
  elapsed: '往返耗时',
  bytes: '应答大小',
}
