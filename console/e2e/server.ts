import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { preview, type PreviewServer } from 'vite'

const root = path.resolve(import.meta.dirname, '..')

/** How long a server may take to be ready before the tests give up on it. */
const readyMs = 30_000

export interface RunningServer {
  /** Where the console is served; the API is below the same address. */
  readonly url: string
  readonly configFile: string
  readonly stop: () => Promise<void>
}

async function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer()
    probe.once('error', reject)
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address()
      probe.close(() => {
        if (address === null || typeof address === 'string') reject(new Error('no port'))
        else resolve(address.port)
      })
    })
  })
}

/** One target that answers, one that does not, one that relabelling drops; a pipeline for streams of one name. */
const config = (port: number) => `pipelines:
  - name: prepared
    match: {service_name: prepared}
    stages:
      - json: {}
      - level: {field: level}
      - drop: {field: path, any_of: [/health]}
      - metric: {name: e2e_prepared_total, type: counter, labels: {path: path}}
      - redact: {}
scrape_configs:
  - job_name: watchfire
    scrape_interval: 1s
    static_configs:
      - targets: ['127.0.0.1:${port}']
  - job_name: broken
    scrape_interval: 1s
    static_configs:
      - targets: ['127.0.0.1:1', '127.0.0.1:2']
    relabel_configs:
      - source_labels: [__address__]
        regex: .*:2
        action: drop
`

async function untilReady(url: string, child: ChildProcess): Promise<void> {
  const deadline = Date.now() + readyMs
  while (Date.now() < deadline) {
    if (child.exitCode !== null)
      throw new Error(`the server ended with status ${child.exitCode} before it was ready`)
    const ready = await fetch(`${url}/-/ready`).then(
      (response) => response.ok,
      () => false,
    )
    if (ready) return
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error(`the server was not ready within ${readyMs} ms`)
}

/**
 * The console as it was built last. A binary carries the console of its own build; when that is an older one, the
 * files are served beside it, with the API passed on.
 */
async function consoleBefore(url: string): Promise<{ url: string; server: PreviewServer | null }> {
  const built = await readFile(path.join(root, 'dist/index.html'), 'utf8')
  const served = await fetch(url).then((response) => response.text())
  if (served === built) return { url, server: null }
  console.log('e2e: the binary carries another build of the console; serving console/dist in front of it')
  const server = await preview({
    root,
    logLevel: 'warn',
    preview: {
      host: '127.0.0.1',
      port: await freePort(),
      strictPort: true,
      // The server asks whether a page is its own: the address the browser asked for stays what it is.
      proxy: {
        '/api': { target: url, changeOrigin: false },
        '^/probe\\?': { target: url, changeOrigin: false },
        '/-': { target: url, changeOrigin: false },
        '/tempo': { target: url, changeOrigin: false },
        '/v1': { target: url, changeOrigin: false },
        '/loki': { target: url, changeOrigin: false, ws: true },
      },
    },
  })
  return { url: server.resolvedUrls?.local[0]?.replace(/\/$/, '') ?? '', server }
}

export interface ServerOptions {
  /** With the data of this machine, and a configuration of its own unless another is given. */
  readonly agent: boolean
  readonly config?: string
  /** Further files beside the configuration, by name. */
  readonly files?: Readonly<Record<string, string>>
}

/** A real server. */
export async function startServer(binary: string, options: ServerOptions): Promise<RunningServer> {
  const directory = await mkdtemp(path.join(tmpdir(), 'watchfire-e2e-'))
  const port = await freePort()
  const configFile = path.join(directory, 'watchfire.yml')
  await writeFile(configFile, options.config ?? (options.agent ? config(port) : ''))
  for (const [name, text] of Object.entries(options.files ?? {}))
    await writeFile(path.join(directory, name), text)
  const api = `http://127.0.0.1:${port}`
  const args = [
    'serve',
    '--data',
    path.join(directory, 'data'),
    '--listen',
    `127.0.0.1:${port}`,
    '--config',
    configFile,
  ]
  const child = spawn(binary, options.agent ? args : [...args, '--no-agent'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let log = ''
  child.stderr.on('data', (chunk: Buffer) => (log = (log + chunk.toString()).slice(-4000)))
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const stop = async () => {
    child.kill('SIGTERM')
    await ended
    await rm(directory, { recursive: true, force: true })
  }
  try {
    await untilReady(api, child)
    const front = await consoleBefore(api)
    return {
      url: front.url,
      configFile,
      stop: async () => {
        await front.server?.close()
        await stop()
      },
    }
  } catch (cause) {
    await stop()
    throw new Error(`${String(cause)}\n${log}`, { cause })
  }
}

/** Series with known names and values, as many as a test needs, pushed as text. */
export async function pushSeries(url: string, name: string, count: number): Promise<void> {
  const rows = Array.from({ length: count }, (_, i) => `${name}{shard="${i % 7}",item="${i}"} ${i}`)
  const body = `# HELP ${name} Items of the end-to-end test.\n# TYPE ${name} gauge\n${rows.join('\n')}\n`
  const response = await fetch(`${url}/api/v1/push/text`, {
    method: 'POST',
    body,
    headers: { 'content-type': 'text/plain' },
  })
  if (!response.ok) throw new Error(`push was refused: ${response.status} ${await response.text()}`)
}

export interface PushedLine {
  /** Milliseconds since the epoch; a line's place among those of its stream is added as nanoseconds. */
  readonly at: number
  readonly text: string
  readonly attributes?: Readonly<Record<string, string>>
}

/** Lines of one stream, in the protocol of Loki. */
export async function pushLines(
  url: string,
  stream: Readonly<Record<string, string>>,
  lines: readonly PushedLine[],
): Promise<void> {
  const values = lines.map(({ at, text, attributes }, i) => [
    (BigInt(at) * 1_000_000n + BigInt(i)).toString(),
    text,
    attributes ?? {},
  ])
  const response = await fetch(`${url}/loki/api/v1/push`, {
    method: 'POST',
    body: JSON.stringify({ streams: [{ stream, values }] }),
    headers: { 'content-type': 'application/json' },
  })
  if (!response.ok) throw new Error(`push was refused: ${response.status} ${await response.text()}`)
}
