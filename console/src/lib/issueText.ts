import type { Issue } from '@/api/errors'

/** The project, and the service where it says more: without a service the server names one after the project. */
export function whereOf({ project, service }: Pick<Issue, 'project' | 'service'>): string {
  const told = service !== '' && service !== project && service !== `sentry-project-${project}`
  return told ? `${project} / ${service}` : project
}

/** The type of what was thrown apart from what it says, where the title has both. */
export function titleParts({
  title,
  type,
}: Pick<Issue, 'title' | 'type'>): readonly [type: string, rest: string] {
  const lead = `${type}: `
  return type !== '' && title.startsWith(lead) ? [type, title.slice(lead.length)] : [title, '']
}
