export interface Sender {
  readonly key: 'try' | 'agents' | 'otel' | 'elastic' | 'json' | 'syslog'
  readonly language: 'yaml' | 'text'
  readonly text: string
}

/** How to send logs to the server this page is from, by protocol. */
export function senders(origin: string): readonly Sender[] {
  const { hostname, port, protocol } = new URL(origin)
  const at = port === '' ? (protocol === 'https:' ? '443' : '80') : port
  return [
    {
      key: 'try',
      language: 'text',
      text: `curl ${origin}/loki/api/v1/push -H 'Content-Type: application/json' -d '{"streams":
  [{"stream": {"service_name": "hello"}, "values": [["'$(date +%s%N)'", "the first line"]]}]}'`,
    },
    {
      key: 'agents',
      language: 'yaml',
      text: `# Promtail; Alloy's loki.write, Vector's loki and Fluent Bit's loki take the same address
clients:
  - url: ${origin}/loki/api/v1/push`,
    },
    {
      key: 'otel',
      language: 'yaml',
      text: `exporters:
  otlphttp:
    endpoint: ${origin}/otlp
service:
  pipelines:
    logs:
      exporters: [otlphttp]`,
    },
    {
      key: 'elastic',
      language: 'text',
      text: `# Filebeat: output.elasticsearch.hosts: ["${origin}"]
# Python:
helpers.bulk(Elasticsearch("${origin}"),
    ({"_index": "app", "@timestamp": t, "service": "shop", "message": m} for t, m in lines))`,
    },
    {
      key: 'json',
      language: 'text',
      text: `# a JSON document a line, with its time and message in fields of the usual names
curl ${origin}/api/v1/logs/jsonline --data-binary @app.log`,
    },
    {
      key: 'syslog',
      language: 'text',
      text: `# without opening another port: omelasticsearch; for omfwd see receivers.syslog
module(load="omelasticsearch")
action(type="omelasticsearch" server="${hostname}" serverport="${at}" searchIndex="syslog" bulkmode="on")`,
    },
  ]
}
