import { fields, list, number, optional, text, type Decoder } from './decode'
import { request } from './http'
import { moment } from './incidents'

/** A time in which somebody is on call, milliseconds since the epoch. */
export interface Shift {
  readonly person: string
  readonly from: number
  readonly to: number
  readonly layer: string
  /** The override that it is, if it is one. */
  readonly override: string | null
}

export interface Person {
  readonly name: string
  readonly receivers: readonly string[]
  /** The schedules in which it is on call now. */
  readonly onCall: readonly string[]
}

export interface Schedule {
  readonly name: string
  readonly timeZone: string
  readonly now: Shift | null
  readonly next: Shift | null
}

export interface PolicyStep {
  readonly schedules: readonly string[]
  readonly people: readonly string[]
  readonly waitSeconds: number
  readonly reaches: readonly string[]
}

export interface Policy {
  readonly name: string
  readonly matchers: readonly string[]
  readonly repeat: number
  readonly steps: readonly PolicyStep[]
}

export interface OnCall {
  readonly configured: boolean
  readonly people: readonly Person[]
  readonly schedules: readonly Schedule[]
  readonly policies: readonly Policy[]
}

export interface Override {
  readonly id: string
  readonly person: string
  readonly from: number
  readonly to: number
  readonly by: string
  readonly comment: string
  /** It stands in the configuration, and cannot be ended here. */
  readonly configured: boolean
}

export interface Shifts {
  readonly schedule: string
  readonly timeZone: string
  readonly start: number
  readonly end: number
  readonly shifts: readonly Shift[]
  readonly layers: readonly { readonly name: string; readonly shifts: readonly Shift[] }[]
  readonly overrides: readonly Override[]
  readonly gaps: readonly { readonly from: number; readonly to: number }[]
}

const texts = optional(list(text), [])
const maybeText = optional<string | null>(text, null)

const shift: Decoder<Shift> = (value, path) => {
  const body = fields(value, path)
  return {
    person: text(body.person, `${path}.person`),
    from: moment(body.from, `${path}.from`),
    to: moment(body.to, `${path}.to`),
    layer: optional(text, '')(body.layer, `${path}.layer`),
    override: maybeText(body.override, `${path}.override`),
  }
}

const maybeShift = optional<Shift | null>(shift, null)

export const onCallDecoder: Decoder<OnCall> = (value, path) => {
  const body = fields(value, path)
  return {
    configured: body.configured === true,
    people: optional(
      list((entry, at) => {
        const one = fields(entry, at)
        return {
          name: text(one.name, `${at}.name`),
          receivers: texts(one.receivers, `${at}.receivers`),
          onCall: texts(one.onCall, `${at}.onCall`),
        }
      }),
      [],
    )(body.people, `${path}.people`),
    schedules: optional(
      list((entry, at) => {
        const one = fields(entry, at)
        return {
          name: text(one.name, `${at}.name`),
          timeZone: optional(text, 'UTC')(one.timeZone, `${at}.timeZone`),
          now: maybeShift(one.now, `${at}.now`),
          next: maybeShift(one.next, `${at}.next`),
        }
      }),
      [],
    )(body.schedules, `${path}.schedules`),
    policies: optional(
      list((entry, at) => {
        const one = fields(entry, at)
        return {
          name: text(one.name, `${at}.name`),
          matchers: texts(one.matchers, `${at}.matchers`),
          repeat: optional(number, 0)(one.repeat, `${at}.repeat`),
          steps: list((held, where) => {
            const step = fields(held, where)
            return {
              schedules: texts(step.schedules, `${where}.schedules`),
              people: texts(step.people, `${where}.people`),
              waitSeconds: optional(number, 0)(step.waitSeconds, `${where}.waitSeconds`),
              reaches: texts(step.reaches, `${where}.reaches`),
            }
          })(one.steps, `${at}.steps`),
        }
      }),
      [],
    )(body.policies, `${path}.policies`),
  }
}

export const shiftsDecoder: Decoder<Shifts> = (value, path) => {
  const body = fields(value, path)
  return {
    schedule: text(body.schedule, `${path}.schedule`),
    timeZone: optional(text, 'UTC')(body.timeZone, `${path}.timeZone`),
    start: moment(body.start, `${path}.start`),
    end: moment(body.end, `${path}.end`),
    shifts: list(shift)(body.shifts, `${path}.shifts`),
    layers: optional(
      list((entry, at) => {
        const layer = fields(entry, at)
        return {
          name: text(layer.name, `${at}.name`),
          shifts: list(shift)(layer.shifts, `${at}.shifts`),
        }
      }),
      [],
    )(body.layers, `${path}.layers`),
    overrides: optional(
      list((entry, at) => {
        const one = fields(entry, at)
        return {
          id: text(one.id, `${at}.id`),
          person: text(one.person, `${at}.person`),
          from: moment(one.from, `${at}.from`),
          to: moment(one.to, `${at}.to`),
          by: optional(text, '')(one.by, `${at}.by`),
          comment: optional(text, '')(one.comment, `${at}.comment`),
          configured: one.configured === true,
        }
      }),
      [],
    )(body.overrides, `${path}.overrides`),
    gaps: optional(
      list((entry, at) => {
        const gap = fields(entry, at)
        return { from: moment(gap.from, `${at}.from`), to: moment(gap.to, `${at}.to`) }
      }),
      [],
    )(body.gaps, `${path}.gaps`),
  }
}

export async function onCall(signal?: AbortSignal): Promise<OnCall> {
  return (await request('/api/v1/oncall', {}, onCallDecoder, signal)).data
}

/** The shifts of a schedule, in milliseconds since the epoch. */
export async function shiftsOf(
  name: string,
  from: number,
  to: number,
  signal?: AbortSignal,
): Promise<Shifts> {
  const params = { start: from / 1000, end: to / 1000 }
  const path = `/api/v1/oncall/schedules/${encodeURIComponent(name)}`
  return (await request(path, params, shiftsDecoder, signal)).data
}

export interface NewOverride {
  readonly schedule: string
  readonly person: string
  readonly from: number
  readonly to: number
  readonly by: string
  readonly comment: string
}

export async function addOverride({ from, to, ...rest }: NewOverride): Promise<void> {
  const json = { ...rest, from: new Date(from).toISOString(), to: new Date(to).toISOString() }
  await request('/api/v1/oncall/overrides', {}, () => undefined, undefined, { json })
}

export async function endOverride(id: string): Promise<void> {
  const path = `/api/v1/oncall/overrides/${encodeURIComponent(id)}`
  await request(path, {}, () => undefined, undefined, { method: 'DELETE' })
}
