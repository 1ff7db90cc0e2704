import type { Base, Language, Section, Sections } from './messages'

interface Source {
  readonly base: () => Promise<Base>
  readonly sections: { readonly [S in Section]: () => Promise<Sections[S]> }
}

/** Each is a chunk of its own: a visit fetches what its screens say, in one language. */
export const sources: Readonly<Record<Language, Source>> = {
  en: {
    base: async () => (await import('./en')).base,
    sections: {
      alerts: async () => (await import('./en/alerts')).alerts,
      entities: async () => (await import('./en/entities')).entities,
      events: async () => (await import('./en/events')).events,
      explore: async () => (await import('./en/explore')).explore,
      inbox: async () => (await import('./en/inbox')).inbox,
      incidents: async () => (await import('./en/incidents')).incidents,
      issue: async () => (await import('./en/issue')).issue,
      logs: async () => (await import('./en/logs')).logs,
      lookout: async () => (await import('./en/lookout')).lookout,
      machine: async () => (await import('./en/machine')).machine,
      objectives: async () => (await import('./en/objectives')).objectives,
      palette: async () => (await import('./en/palette')).palette,
      pipelines: async () => (await import('./en/pipelines')).pipelines,
      related: async () => (await import('./en/related')).related,
      serviceMap: async () => (await import('./en/serviceMap')).serviceMap,
      shortcuts: async () => (await import('./en/shortcuts')).shortcuts,
      status: async () => (await import('./en/status')).status,
      targets: async () => (await import('./en/targets')).targets,
      trace: async () => (await import('./en/trace')).trace,
      traceCompare: async () => (await import('./en/traceCompare')).traceCompare,
      traces: async () => (await import('./en/traces')).traces,
    },
  },
  zh: {
    base: async () => (await import('./zh')).base,
    sections: {
      alerts: async () => (await import('./zh/alerts')).alerts,
      entities: async () => (await import('./zh/entities')).entities,
      events: async () => (await import('./zh/events')).events,
      explore: async () => (await import('./zh/explore')).explore,
      inbox: async () => (await import('./zh/inbox')).inbox,
      incidents: async () => (await import('./zh/incidents')).incidents,
      issue: async () => (await import('./zh/issue')).issue,
      logs: async () => (await import('./zh/logs')).logs,
      lookout: async () => (await import('./zh/lookout')).lookout,
      machine: async () => (await import('./zh/machine')).machine,
      objectives: async () => (await import('./zh/objectives')).objectives,
      palette: async () => (await import('./zh/palette')).palette,
      pipelines: async () => (await import('./zh/pipelines')).pipelines,
      related: async () => (await import('./zh/related')).related,
      serviceMap: async () => (await import('./zh/serviceMap')).serviceMap,
      shortcuts: async () => (await import('./zh/shortcuts')).shortcuts,
      status: async () => (await import('./zh/status')).status,
      targets: async () => (await import('./zh/targets')).targets,
      trace: async () => (await import('./zh/trace')).trace,
      traceCompare: async () => (await import('./zh/traceCompare')).traceCompare,
      traces: async () => (await import('./zh/traces')).traces,
    },
  },
}
