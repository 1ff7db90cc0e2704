import type { base } from './en'
import type { alerts } from './en/alerts'
import type { entities } from './en/entities'
import type { events } from './en/events'
import type { explore } from './en/explore'
import type { incidents } from './en/incidents'
import type { inbox } from './en/inbox'
import type { issue } from './en/issue'
import type { logs } from './en/logs'
import type { lookout } from './en/lookout'
import type { machine } from './en/machine'
import type { objectives } from './en/objectives'
import type { palette } from './en/palette'
import type { pipelines } from './en/pipelines'
import type { related } from './en/related'
import type { serviceMap } from './en/serviceMap'
import type { shortcuts } from './en/shortcuts'
import type { status } from './en/status'
import type { targets } from './en/targets'
import type { trace } from './en/trace'
import type { traceCompare } from './en/traceCompare'
import type { traces } from './en/traces'

export type Language = 'en' | 'zh'

/** What the frame and nearly every screen say; it is there before anything is drawn. */
export type Base = typeof base

/** The words of screens, each fetched with the screens that say them. */
export interface Sections {
  alerts: typeof alerts
  entities: typeof entities
  events: typeof events
  explore: typeof explore
  inbox: typeof inbox
  incidents: typeof incidents
  issue: typeof issue
  logs: typeof logs
  lookout: typeof lookout
  machine: typeof machine
  objectives: typeof objectives
  palette: typeof palette
  pipelines: typeof pipelines
  related: typeof related
  serviceMap: typeof serviceMap
  shortcuts: typeof shortcuts
  status: typeof status
  targets: typeof targets
  trace: typeof trace
  traceCompare: typeof traceCompare
  traces: typeof traces
}

export type Section = keyof Sections

/** Every language has exactly the keys of English; a missing or surplus one does not compile. */
export type Messages = Base & Sections

/** The words a function needs besides those of the frame. */
export type With<S extends Section = never> = Base & Pick<Sections, S>
