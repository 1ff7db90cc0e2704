// A web service of a few routes, until it is told to end.
'use strict'

const http = require('node:http')
const { trace } = require('@opentelemetry/api')

async function body(request) {
  let text = ''
  for await (const piece of request) text += piece
  return text === '' ? undefined : JSON.parse(text)
}

/** `routes` are by method and path, such as `GET /product/:name`; each gives a status and what is answered as JSON. */
exports.serve = (routes, telemetry) => {
  const known = Object.entries(routes).map(([route, handle]) => {
    const [method, path] = route.split(' ')
    return { method, path, route, handle, matches: new RegExp(`^${path.replace(/:(\w+)/g, '(?<$1>[^/]+)')}$`) }
  })
  const server = http.createServer(async (request, response) => {
    if (request.url === '/health') return response.end('ok')
    const url = new URL(request.url, 'http://shop')
    const answer = (status, value) => {
      response.writeHead(status, { 'content-type': 'application/json' })
      response.end(JSON.stringify(value))
    }
    const found = known.find((one) => one.method === request.method && one.matches.test(url.pathname))
    if (!found) return answer(404, { error: `there is no ${request.method} ${url.pathname}` })
    // The framework that the shop does not have would do this.
    trace.getActiveSpan()?.updateName(found.route).setAttribute('http.route', found.path)
    try {
      const parameters = { ...Object.fromEntries(url.searchParams), ...found.matches.exec(url.pathname).groups }
      const [status, value] = await found.handle(parameters, await body(request))
      answer(status, value)
    } catch (error) {
      telemetry.error(error)
      telemetry.log('ERROR', `${found.route}: ${error.message}`)
      answer(error.status ?? 500, { error: error.message })
    }
  })
  server.listen(Number(process.env.PORT), '127.0.0.1', () => telemetry.log('INFO', `${telemetry.version} is ready`))
  process.on('SIGTERM', async () => {
    server.close()
    server.closeAllConnections()
    await telemetry.stop()
    process.exit(0)
  })
}
