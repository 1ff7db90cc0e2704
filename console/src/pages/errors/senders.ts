export interface ErrorSender {
  readonly key: 'python' | 'node' | 'otlp' | 'logs' | 'try'
  readonly language: 'yaml' | 'text'
  readonly text: string
}

/** The DSN that an SDK of Sentry takes to send to this server. */
export function dsnOf(origin: string, key = 'anykey', project = 1): string {
  const { protocol, host } = new URL(origin)
  return `${protocol}//${key}@${host}/${project}`
}

/** How to send errors to the server this page is from. */
export function errorSenders(origin: string): readonly ErrorSender[] {
  const dsn = dsnOf(origin)
  return [
    {
      key: 'python',
      language: 'text',
      text: `# pip install sentry-sdk
import sentry_sdk

sentry_sdk.init(
    dsn="${dsn}",
    release="shop@1.4.0",
    environment="production",
)

1 / 0`,
    },
    {
      key: 'node',
      language: 'text',
      text: `// npm install @sentry/node
import * as Sentry from '@sentry/node'

Sentry.init({
  dsn: '${dsn}',
  release: 'shop@1.4.0',
  environment: 'production',
})

throw new Error('the first error')`,
    },
    {
      key: 'otlp',
      language: 'text',
      text: `# Exceptions that OpenTelemetry records on spans and logs become errors by themselves.
export OTEL_SERVICE_NAME=shop
export OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf
export OTEL_EXPORTER_OTLP_ENDPOINT=${origin}
# in the code: span.record_exception(error)`,
    },
    {
      key: 'logs',
      language: 'text',
      text: `# Stack traces within log lines are found: Python, Java, JavaScript, .NET, Go, Rust.
curl ${origin}/loki/api/v1/push -H 'Content-Type: application/json' -d '{"streams": [{
  "stream": {"service_name": "shop"}, "values": [["'$(date +%s)'000000000",
  "Traceback (most recent call last):\\n  File \\"shop.py\\", line 7, in sell\\n    total / count\\nZeroDivisionError: division by zero"]]}]}'`,
    },
    {
      key: 'try',
      language: 'text',
      text: `curl '${origin}/api/1/store/?sentry_key=anykey' -H 'Content-Type: application/json' -d '{
  "platform": "python", "level": "error", "release": "shop@1.4.0", "environment": "production",
  "exception": {"values": [{"type": "ZeroDivisionError", "value": "division by zero",
    "stacktrace": {"frames": [{"function": "sell", "filename": "shop.py", "lineno": 7, "in_app": true}]}}]}}'`,
    },
  ]
}
