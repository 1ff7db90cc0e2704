export interface TraceSender {
  readonly key: 'try' | 'sdk' | 'collector' | 'jaeger' | 'zipkin'
  readonly language: 'yaml' | 'text'
  readonly text: string
}

/** How to send spans to the server this page is from, by protocol. */
export function traceSenders(origin: string): readonly TraceSender[] {
  const { hostname } = new URL(origin)
  return [
    {
      key: 'sdk',
      language: 'text',
      text: `# any OpenTelemetry SDK or automatic instrumentation
export OTEL_SERVICE_NAME=hello
export OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf
export OTEL_EXPORTER_OTLP_ENDPOINT=${origin}`,
    },
    {
      key: 'collector',
      language: 'yaml',
      text: `exporters:
  otlphttp:
    endpoint: ${origin}/otlp
service:
  pipelines:
    traces:
      exporters: [otlphttp]`,
    },
    {
      key: 'jaeger',
      language: 'yaml',
      text: `# Thrift over HTTP, without another port: JAEGER_ENDPOINT=${origin}/api/traces
# the ports that agents and clients know, in watchfire.yml:
receivers:
  jaeger: {compact: 0.0.0.0:6831, binary: 0.0.0.0:6832, http: 0.0.0.0:14268, grpc: 0.0.0.0:14250}
# then: JAEGER_AGENT_HOST=${hostname}`,
    },
    {
      key: 'zipkin',
      language: 'text',
      text: `# reporters of Zipkin v2, JSON or protocol buffers
${origin}/api/v2/spans
# Spring Boot: management.zipkin.tracing.endpoint=${origin}/api/v2/spans`,
    },
    {
      key: 'try',
      language: 'text',
      text: `now=$(date +%s)
curl ${origin}/v1/traces -H 'Content-Type: application/json' -d '{"resourceSpans": [{
  "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "hello"}}]},
  "scopeSpans": [{"spans": [{"traceId": "'$(openssl rand -hex 16)'", "spanId": "'$(openssl rand -hex 8)'",
    "name": "the first span", "kind": 2,
    "startTimeUnixNano": "'$now'000000000", "endTimeUnixNano": "'$now'250000000"}]}]}]}'`,
    },
  ]
}
