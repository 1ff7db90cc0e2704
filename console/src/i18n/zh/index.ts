import type { Messages } from '../messages'
import { alerts } from './alerts'
import { common, errors, nav, palette, shortcuts, time, top } from './frame'
import { entities } from './entities'
import { events, related } from './events'
import { explore } from './explore'
import { inbox } from './inbox'
import { incidents } from './incidents'
import { issue } from './issue'
import { logs } from './logs'
import { lookout } from './lookout'
import { machine } from './machine'
import { objectives } from './objectives'
import { pipelines } from './pipelines'
import { query } from './query'
import { serviceMap } from './serviceMap'
import { status } from './status'
import { targets } from './targets'
import { traceCompare } from './traceCompare'
import { trace, traces } from './traces'

export const zh: Messages = {
  locale: 'zh-CN',
  brand: '烽火 Watchfire',
  nav,
  common,
  top,
  time,
  palette,
  shortcuts,
  errors,
  machine,
  query,
  explore,
  logs,
  traces,
  trace,
  traceCompare,
  serviceMap,
  inbox,
  issue,
  events,
  related,
  entities,
  alerts,
  incidents,
  lookout,
  objectives,
  pipelines,
  targets,
  status,
}
