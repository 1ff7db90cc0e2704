import type { EventsSearch } from '../state/eventsSearch'
import { quote, selector } from './matcher'

const single = (values: readonly string[] | undefined) => (values?.length === 1 ? values[0] : undefined)

/** The counter that all events are counted by, narrowed as far as its labels go. */
export function eventQuery(search: EventsSearch): string {
  const labels: Record<string, string> = {}
  const many: string[] = []
  for (const name of ['kind', 'source', 'service', 'result'] as const) {
    const values = search[name] ?? []
    const one = single(values)
    if (one !== undefined) labels[name] = one
    else if (values.length > 1) {
      const pattern = values.map((v) => v.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('|')
      many.push(`${name}=~${quote(pattern)}`)
    }
  }
  const exact = Object.keys(labels).length === 0 ? 'events_total' : selector('events_total', labels)
  const chosen =
    many.length === 0
      ? exact
      : exact.endsWith('}')
        ? `${exact.slice(0, -1)}, ${many.join(', ')}}`
        : `${exact}{${many.join(', ')}}`
  const by = single(search.kind) === undefined ? 'kind' : 'service, result'
  return `sum by (${by}) (increase(${chosen}[5m]))`
}

const plain = /^[A-Za-z_][\w./-]*$/
const yamlText = (text: string): string => (plain.test(text) ? text : `'${text.replace(/'/g, "''")}'`)

/** A metric for what the counter does not tell apart, as a block of the configuration. */
export function eventPipeline(search: EventsSearch): string {
  const kind = single(search.kind) ?? 'com.shop.order.paid'
  const service = single(search.service)
  const match = [
    `kind: ${yamlText(kind)}`,
    ...(service === undefined ? [] : [`service_name: ${yamlText(service)}`]),
  ]
  const attribute = search.attr?.[0]?.split(':')[0]
  const name = `${kind.split(/[./]/).slice(-2).join('_').replace(/\W+/g, '_')}_total`
  const labels = [
    ...(attribute === undefined ? [] : [`${attribute.replace(/\W+/g, '_')}: ${yamlText(attribute)}`]),
    `result: 'event:result'`,
  ]
  return `event_pipelines:
- name: ${kind.replace(/\W+/g, '-')}
  match: {${match.join(', ')}}
  stages:
  - metric: {name: ${name}, type: counter, labels: {${labels.join(', ')}}}
  # numbers of an event can be summed up, too
  - metric: {name: ${name.replace(/_total$/, '_nanoseconds_total')}, type: counter, value: 'event:duration'}`
}
