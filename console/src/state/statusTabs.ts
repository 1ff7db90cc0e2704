export const statusTabs = ['storage', 'memory', 'cardinality', 'config', 'runtime', 'flags'] as const
export type StatusTab = (typeof statusTabs)[number]
