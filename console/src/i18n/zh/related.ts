import type { Messages } from '../messages'

export const related: Messages['related'] = {
  title: '关联信号',
  asking: '正在查找…',
  around: (time) => `${time} 前后五分钟`,
  thisTrace: '此链路',
  nobody: '这里没有标签能指出其他信号也认识的服务、主机或别的对象。',
  unknown: '尚未收入目录：每隔几秒更新一次。',
  chartHint: '方向键选择一点，回车查看与之关联的信号。',
  signals: { metrics: '指标', logs: '日志', traces: '链路', errors: '错误', events: '事件' },
  counts: {
    metrics: (_, n) => `${n} 条序列`,
    logs: (_, n) => `${n} 行`,
    traces: (_, n) => `${n} 个 span`,
    errors: (_, n) => `${n} 个问题`,
    events: (_, n) => `${n} 个事件`,
  },
  entityTypes: {
    service: '服务',
    instance: '实例',
    endpoint: '端点',
    host: '主机',
    process: '进程',
    container: '容器',
    pod: 'Pod',
    node: '节点',
    database: '数据库',
    queue: '队列',
  },
}
