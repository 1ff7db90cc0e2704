/** Common beginnings, each with lines that show what it does. */
export const templates = [
  {
    key: 'json',
    text: `- name: json
  match: {service.name: shop}
  stages:
  - json: {}                       # members become attributes
  - timestamp: {field: ts}         # the record's time; the attribute goes
  - level: {field: level}
  - body: msg                      # the line is the message from now on
  - remove: [msg, level]
`,
    sample: `{"ts":"2026-11-21T14:03:05.123Z","level":"warn","msg":"payment is slow","order":4711,"took_ms":1840}
{"ts":"2026-11-21T14:03:06.007Z","level":"info","msg":"payment done","order":4711,"user":{"id":"u-17"}}
not JSON: kept as it came`,
  },
  {
    key: 'logfmt',
    text: `- name: logfmt
  match: {service.name: gateway}
  stages:
  - logfmt: {}
  - timestamp: {field: ts}
  - level: {field: level}
  - rename: {dur: duration_ms}
`,
    sample: `ts=2026-11-21T14:03:05Z level=info msg="request served" path=/cart status=200 dur=12
ts=2026-11-21T14:03:06Z level=error msg="upstream timed out" path=/pay status=504 dur=30000`,
  },
  {
    key: 'nginx',
    text: `- name: nginx
  match: {service.name: nginx}
  stages:
  - grok: {pattern: '^%{COMBINEDAPACHELOG}$'}
  - timestamp: {field: timestamp, format: '%d/%b/%Y:%H:%M:%S %z'}
  - drop: {field: request, any_of: [/health, /ready]}
  - metric: {name: nginx_responses_total, type: counter, labels: {code: response, verb: verb}}
  - redact: {}
`,
    sample: `10.0.0.7 - alice [21/Nov/2026:14:03:05 +0000] "GET /cart?token=s3cr3tvalue99 HTTP/1.1" 200 512 "-" "curl/8.5.0"
10.0.0.9 - - [21/Nov/2026:14:03:06 +0000] "GET /health HTTP/1.1" 200 2 "-" "kube-probe/1.31"
10.0.0.8 - - [21/Nov/2026:14:03:07 +0000] "POST /pay HTTP/1.1" 502 166 "-" "Mozilla/5.0"`,
  },
  {
    key: 'regex',
    text: `- name: own-format
  stages:
  - regex: {pattern: '^(?P<at>\\S+ \\S+) \\[(?P<level>\\w+)\\] (?P<logger>[\\w.]+): (?P<text>.*)$'}
  - timestamp: {field: at, format: '%Y-%m-%d %H:%M:%S', utc_offset_minutes: 0}
  - level: {field: level, values: {SEVERE: error}}
  - body: text
  - remove: [level, text]
`,
    sample: `2026-11-21 14:03:05 [INFO] app.cart: item added
2026-11-21 14:03:06 [SEVERE] app.pay: card refused`,
  },
  {
    key: 'redact',
    text: `- name: secrets
  stages:
  - redact:
      builtin: [credentials, cards, emails]
      patterns: ['customer=(C-\\d+)']    # of a pattern with groups, the first is replaced
`,
    sample: `login of alice@example.org, password=hunter2-and-more
paid with 4111 1111 1111 1111, customer=C-20417
GET https://bob:s3cret@db.example.org/ HTTP/1.1`,
  },
  {
    key: 'drop',
    text: `- name: less
  stages:
  - detect: {}                     # time and level from usual formats
  - drop: {level_at_most: debug}
  - drop: {contains: heartbeat}
  - if:
      when: {level_at_most: info}
      then:
      - sample: {keep: 0.5}
`,
    sample: `2026-11-21T14:03:05Z DEBUG cache hit for key 17
2026-11-21T14:03:05Z INFO request served in 12 ms
2026-11-21T14:03:06Z INFO request served in 15 ms
2026-11-21T14:03:06Z INFO heartbeat
2026-11-21T14:03:07Z ERROR upstream timed out`,
  },
  {
    key: 'metric',
    text: `- name: metrics
  stages:
  - logfmt: {}
  - metric:
      name: app_requests_total
      type: counter
      labels: {path: path, status: status}
  - metric:
      name: app_request_duration_seconds
      type: histogram
      value: seconds
      labels: {path: path}
`,
    sample: `path=/cart status=200 seconds=0.012
path=/cart status=200 seconds=0.034
path=/pay status=502 seconds=1.5
path=/pay status=200`,
  },
] as const

export type Template = (typeof templates)[number]
