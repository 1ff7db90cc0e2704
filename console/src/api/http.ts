import { DecodeError, dictionary, fields, list, number, optional, text, type Decoder } from './decode'
import type { Answer, Exchange, Place } from './types'

/** What a caller can do about a failure decides its kind. */
export type ApiErrorKind = 'network' | 'refused' | 'missing' | 'malformed'

export class ApiError extends Error {
  constructor(
    readonly kind: ApiErrorKind,
    message: string,
    /** Prometheus' `errorType`, such as `bad_data` or `timeout`; empty when the server gave none. */
    readonly errorType: string,
    readonly exchange: Exchange | null,
    /** Where in the query the mistake is, and what might be right there; from servers that tell. */
    readonly mistake: { readonly place: Place; readonly help: string } | null = null,
  ) {
    super(message)
    this.name = 'ApiError'
  }
}

export type Params = Readonly<Record<string, string | number | readonly string[] | undefined>>

export function encodeParams(params: Params): string {
  const out = new URLSearchParams()
  for (const [name, value] of Object.entries(params)) {
    if (value === undefined) continue
    if (typeof value === 'object') for (const item of value) out.append(name, item)
    else out.append(name, String(value))
  }
  return out.toString()
}

/** Longer queries travel in a POST body; proxies commonly refuse addresses above 8 KiB. */
const addressMax = 6000

interface Envelope {
  readonly status: string
  readonly data: unknown
  readonly error: string
  readonly errorType: string
  readonly warnings: readonly string[]
  readonly infos: readonly string[]
  readonly mistake: ApiError['mistake']
}

const place: Decoder<Place> = (value, path) => {
  const body = fields(value, path)
  return {
    start: number(body.start, `${path}.start`),
    end: number(body.end, `${path}.end`),
    line: number(body.line, `${path}.line`),
    column: number(body.column, `${path}.column`),
  }
}

const nothing: Envelope = {
  status: '',
  data: undefined,
  error: '',
  errorType: '',
  warnings: [],
  infos: [],
  mistake: null,
}

function envelope(value: unknown): Envelope {
  // Errors of Alertmanager's API are texts.
  if (typeof value === 'string') return { ...nothing, error: value }
  const body = fields(value, '')
  return {
    status: optional(text, '')(body.status, 'status'),
    data: body.data,
    error: optional(text, '')(body.error, 'error'),
    errorType: optional(text, '')(body.errorType, 'errorType'),
    warnings: optional(list(text), [])(body.warnings, 'warnings'),
    infos: optional(list(text), [])(body.infos, 'infos'),
    mistake:
      body.place === undefined
        ? null
        : { place: place(body.place, 'place'), help: optional(text, '')(body.help, 'help') },
  }
}

async function send(
  path: string,
  params: Params,
  signal: AbortSignal | undefined,
  { headers = {}, json, body, method }: RequestOptions,
): Promise<Response> {
  const query = encodeParams(params)
  const init: RequestInit = { headers, ...(signal === undefined ? {} : { signal }) }
  if (method !== undefined) return fetch(query === '' ? path : `${path}?${query}`, { ...init, method })
  if (json !== undefined) {
    const typed = { ...headers, 'content-type': 'application/json' }
    return fetch(path, { ...init, headers: typed, method: 'POST', body: JSON.stringify(json) })
  }
  if (body !== undefined) {
    return fetch(path, {
      ...init,
      headers: { ...headers, 'content-type': body.type },
      method: 'POST',
      body: body.text,
    })
  }
  if (path.length + query.length < addressMax) return fetch(query === '' ? path : `${path}?${query}`, init)
  return fetch(path, { ...init, method: 'POST', body: new URLSearchParams(query) })
}

export interface RequestOptions {
  readonly headers?: Readonly<Record<string, string>>
  /** Answers of Alertmanager's API and some of Loki's are the payload itself, without an envelope. */
  readonly bare?: boolean
  /** What is posted as JSON, where parameters do not carry the question. */
  readonly json?: unknown
  /** What is posted as it is written. */
  readonly body?: { readonly text: string; readonly type: string }
  /** Another method than the one that the size of the question calls for. */
  readonly method?: 'DELETE'
  /** The answer, where it is good, is text and no JSON. */
  readonly plain?: boolean
}

/**
 * The one way the console talks to its server: a request to the Prometheus-shaped API, its envelope opened, its
 * payload decoded, and the cost of the exchange measured.
 */
export async function request<T>(
  path: string,
  params: Params,
  decode: Decoder<T>,
  signal?: AbortSignal,
  options: RequestOptions = {},
): Promise<Answer<T>> {
  const started = performance.now()
  let response: Response
  let raw: string
  try {
    response = await send(path, params, signal, options)
    raw = await response.text()
  } catch (cause) {
    if (cause instanceof DOMException && cause.name === 'AbortError') throw cause
    throw new ApiError('network', cause instanceof Error ? cause.message : String(cause), '', null)
  }
  const query = encodeParams(params)
  const measured: Exchange = {
    url: query === '' ? path : `${path}?${query}`,
    elapsedMs: performance.now() - started,
    bytes: raw.length,
    warnings: [],
    infos: [],
  }
  if (options.plain === true && response.ok) return { data: decode(raw, ''), exchange: measured, raw }
  let body: Envelope
  try {
    const value: unknown = JSON.parse(raw)
    body = options.bare === true && response.ok ? { ...nothing, data: value } : envelope(value)
  } catch {
    const kind = response.status === 404 ? 'missing' : response.status >= 502 ? 'network' : 'malformed'
    const told = raw.trim().slice(0, 300)
    throw new ApiError(kind, `HTTP ${response.status}${told === '' ? '' : `: ${told}`}`, '', measured)
  }
  const exchange = { ...measured, warnings: body.warnings, infos: body.infos }
  if (body.status === 'error' || !response.ok) {
    // A server that is still starting, or stopping, will answer another time.
    const away = body.errorType === 'unavailable'
    const kind = response.status === 404 ? 'missing' : away ? 'network' : 'refused'
    throw new ApiError(
      kind,
      body.error === '' ? `HTTP ${response.status}` : body.error,
      body.errorType,
      exchange,
      body.mistake,
    )
  }
  try {
    return { data: decode(body.data, 'data'), exchange, raw }
  } catch (cause) {
    if (cause instanceof DecodeError) throw new ApiError('malformed', cause.message, '', exchange)
    throw cause
  }
}

export const labelsDecoder = dictionary(text)
