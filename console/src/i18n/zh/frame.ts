import type { Messages } from '../messages'

export const nav: Messages['nav'] = {
  label: '页面',
  machine: '本机',
  explore: '查询',
  logs: '日志',
  traces: '链路',
  errors: '错误',
  events: '事件',
  entities: '实体',
  alerts: '告警',
  firing: (n) => `告警，${n} 条触发中`,
  probes: '探测',
  pipelines: '日志处理',
  targets: '采集目标',
  status: '状态',
  collapse: '收起导航',
  expand: '展开导航',
  skip: '跳到正文',
}

export const common: Messages['common'] = {
  close: '关闭',
  copy: '复制',
  copied: '已复制',
  copyFailed: '浏览器拒绝访问剪贴板',
  all: '全部',
  none: '无',
  name: '名称',
  value: '值',
  noData: '此时间段没有数据',
  openInExplore: '在查询页打开',
  shown: (shown, total) => `${shown} / ${total}`,
  ago: (text) => `${text}前`,
  never: '从未',
}

export const top: Messages['top'] = {
  language: '语言',
  theme: '配色',
  light: '浅色',
  dark: '深色',
  auto: '跟随系统',
  help: '键盘快捷键',
  palette: '搜索页面和指标',
  refreshNow: '立即刷新',
  refreshEvery: '刷新',
  live: '实时',
  off: '关闭',
  paused: '固定时段',
}

export const time: Messages['time'] = {
  range: '时间范围',
  quick: '常用范围',
  absolute: '指定范围',
  from: '从',
  to: '到',
  apply: '应用',
  zone: '时区',
  local: '浏览器时区',
  utc: 'UTC',
  back: '更早',
  forward: '更晚',
  zoomOut: '放宽范围',
  invalid: '写成 now-1h、now/d 或 2026-01-31 14:00:00',
  order: '开始时间必须早于结束时间',
  pick: '从日历选择',
  last: (text) => `最近 ${text}`,
  today: '今天',
  yesterday: '昨天',
  units: {
    m: (n) => `${n} 分钟`,
    h: (n) => `${n} 小时`,
    d: (n) => `${n} 天`,
  },
}

export const palette: Messages['palette'] = {
  placeholder: '前往页面，或查找指标…',
  screens: '页面',
  actions: '操作',
  metrics: '指标',
  empty: '没有匹配项',
  toggleTheme: '切换浅色与深色',
  switchLanguage: 'Switch to English',
  hint: '↑↓ 选择 · Enter 打开 · Esc 关闭',
}

export const shortcuts: Messages['shortcuts'] = {
  title: '键盘快捷键',
  anywhere: '任何页面',
  time: '时间',
  go: '前往',
  help: '显示此列表',
  palette: '搜索页面和指标',
  focus: '聚焦查询或筛选框',
  theme: '浅色或深色',
  nav: '收起导航',
  earlier: '更早',
  later: '更晚',
  zoomOut: '放宽范围',
  refresh: '立即刷新',
  run: '执行查询',
  then: '然后',
}

export const errors: Messages['errors'] = {
  unreachable: '服务器没有响应',
  unreachableHint: '当前显示的是最后一次看到的数据，正在自动重试。',
  crashed: '此页面出错了',
  crashedHint: '控制台的其余部分仍然可用，重新加载通常可以恢复。',
  reload: '重新加载',
  notFound: '这个地址没有内容',
  notFoundHint: '链接可能已过期，或输入有误。',
  home: '前往本机',
  position: (line, column) => `第 ${line} 行，第 ${column} 列`,
}
