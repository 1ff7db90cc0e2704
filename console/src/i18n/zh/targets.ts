import type { Messages } from '../messages'

export const targets: Messages['targets'] = {
  title: '采集目标',
  filter: '按地址、标签或错误筛选',
  up: '正常',
  down: '异常',
  unknown: '尚未采集',
  dropped: '已丢弃',
  healthy: (up, total) => `${up} / ${total} 正常`,
  state: '状态',
  interval: '间隔',
  showDiscovered: '显示重写前的标签',
  droppedHint: '由服务发现找到，但被重写规则排除。',
  noMatch: '没有符合筛选条件的目标',
  empty: '还没有采集任何目标',
  emptyHint:
    '烽火使用与 Prometheus 相同语法的 scrape_configs。把下面的内容写入文件，用它启动服务器，目标就会出现在这里：',
  emptyCommand: '然后这样启动服务器',
  expandAll: '全部展开',
  collapseAll: '全部收起',
}
