import type { Messages } from '../messages'

export const palette: Messages['palette'] = {
  placeholder: '前往页面，或查找指标…',
  screens: '页面',
  actions: '操作',
  metrics: '指标',
  empty: '没有匹配项',
  toggleTheme: '切换浅色与深色',
  switchLanguage: 'Switch to English',
  hint: '↑↓ 选择 · Enter 打开 · Esc 关闭',
  openTrace: (id) => `打开链路 ${id}`,
}
