// OpenTelemetry and Sentry, as every Node service of the shop sets them up. It is loaded before anything else, so that
// what is loaded later can be instrumented.
'use strict'

const os = require('node:os')
const { SeverityNumber } = require('@opentelemetry/api-logs')
const { OTLPLogExporter } = require('@opentelemetry/exporter-logs-otlp-proto')
const { OTLPMetricExporter } = require('@opentelemetry/exporter-metrics-otlp-proto')
const { OTLPTraceExporter } = require('@opentelemetry/exporter-trace-otlp-proto')
const { registerInstrumentations } = require('@opentelemetry/instrumentation')
const { HttpInstrumentation } = require('@opentelemetry/instrumentation-http')
const { UndiciInstrumentation } = require('@opentelemetry/instrumentation-undici')
const { resourceFromAttributes } = require('@opentelemetry/resources')
const { BatchLogRecordProcessor, LoggerProvider } = require('@opentelemetry/sdk-logs')
const { MeterProvider, PeriodicExportingMetricReader } = require('@opentelemetry/sdk-metrics')
const { BatchSpanProcessor, NodeTracerProvider } = require('@opentelemetry/sdk-trace-node')
const Sentry = require('@sentry/node')

/** Spans, logs and metrics by OTLP over HTTP, errors by Sentry's SDK. */
exports.start = (service, version) => {
  const resource = resourceFromAttributes({
    'service.name': service,
    'service.version': version,
    'service.instance.id': `127.0.0.1:${process.env.PORT}`,
    'deployment.environment.name': 'demo',
    'host.name': os.hostname(),
    'process.pid': process.pid,
  })
  const url = (signal) => `${process.env.WATCHFIRE}/v1/${signal}`
  const soon = { scheduledDelayMillis: 1000 }
  const spans = new NodeTracerProvider({
    resource,
    spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter({ url: url('traces') }), soon)],
  })
  spans.register()
  const exporter = new OTLPLogExporter({ url: url('logs') })
  const logs = new LoggerProvider({ resource, processors: [new BatchLogRecordProcessor({ exporter, ...soon })] })
  const measured = new OTLPMetricExporter({ url: url('metrics') })
  const reader = new PeriodicExportingMetricReader({ exporter: measured, exportIntervalMillis: 5000 })
  const metrics = new MeterProvider({ resource, readers: [reader] })
  const watchfire = Number(new URL(process.env.WATCHFIRE).port)
  registerInstrumentations({
    tracerProvider: spans,
    meterProvider: metrics,
    instrumentations: [
      new HttpInstrumentation({
        ignoreIncomingRequestHook: ({ url }) => url === '/health',
        // What Sentry's SDK sends is no part of the shop.
        ignoreOutgoingRequestHook: ({ port }) => Number(port) === watchfire,
      }),
      new UndiciInstrumentation(),
    ],
  })
  Sentry.init({
    dsn: process.env.SENTRY_DSN,
    release: `${service}@${version}`,
    environment: 'demo',
    // Errors belong to the spans of above. Each counts, also one that is the same as the one before.
    integrations: (usual) => [...usual.filter(({ name }) => name !== 'Dedupe'), Sentry.openTelemetryIntegration()],
    initialScope: { tags: { service } },
  })

  const logger = logs.getLogger(service, version)
  return {
    version,
    meter: metrics.getMeter(service, version),
    log(level, body, attributes = {}) {
      console.log(new Date().toISOString(), level, body)
      logger.emit({ severityNumber: SeverityNumber[level], severityText: level, body, attributes })
    },
    error: (error, more) => Sentry.captureException(error, more),
    /** Sends what is left. */
    stop: () => Promise.all([spans.shutdown(), logs.shutdown(), metrics.shutdown(), Sentry.close(2000)]),
  }
}
