export interface EventSender {
  readonly key: 'webhook' | 'cli' | 'cloudevents' | 'github' | 'gitlab' | 'alertmanager' | 'kubernetes'
  readonly language: 'yaml' | 'text'
  readonly text: string
}

/** How to send events to the server this page is from. */
export function eventSenders(origin: string): readonly EventSender[] {
  return [
    {
      key: 'webhook',
      language: 'text',
      text: `# a title is enough; all else is optional
curl ${origin}/api/v1/events -H 'Content-Type: application/json' -d '{
  "title": "cart 1.4.2", "kind": "deploy", "result": "ok",
  "service": "cart", "version": "1.4.2", "environment": "production",
  "duration": "42s", "link": "https://ci.example.org/runs/7"}'`,
    },
    {
      key: 'cli',
      language: 'text',
      text: `watchfire events send --server ${origin} --title 'cart 1.4.2' --kind deploy --service cart --version 1.4.2

# a job of cron: how long it took, how it ended, and the end of what it complained about
watchfire events send --server ${origin} --title backup -- /usr/local/bin/backup --all`,
    },
    {
      key: 'cloudevents',
      language: 'text',
      text: `# CloudEvents 1.0: binary as here, structured, or in batches
curl ${origin}/api/v1/events -H 'ce-specversion: 1.0' -H 'ce-type: com.shop.order.paid' \\
  -H 'ce-source: /shop/orders' -H "ce-id: $(uuidgen)" -H 'Content-Type: application/json' \\
  -d '{"title": "order 1001 paid", "service": "shop", "amount": 42.5}'`,
    },
    {
      key: 'github',
      language: 'text',
      text: `# Settings > Webhooks > Add webhook
Payload URL:   ${origin}/api/v1/events/github
Content type:  application/json
Secret:        that of webhooks.github_secret in the configuration
Events:        pushes, releases, deployments, deployment statuses, workflow runs`,
    },
    {
      key: 'gitlab',
      language: 'text',
      text: `# Settings > Webhooks > Add new webhook
URL:           ${origin}/api/v1/events/gitlab
Secret token:  that of webhooks.gitlab_token in the configuration
Trigger:       push, tag push, releases, deployments, pipelines`,
    },
    {
      key: 'alertmanager',
      language: 'yaml',
      text: `# alertmanager.yml; alerts of this server's own rules are events by themselves
receivers:
  - name: watchfire
    webhook_configs:
      - url: ${origin}/api/v1/events/alertmanager`,
    },
    {
      key: 'kubernetes',
      language: 'yaml',
      text: `# an exporter of Kubernetes events, such as kubernetes-event-exporter
route:
  routes:
    - match: [{receiver: watchfire}]
receivers:
  - name: watchfire
    webhook:
      endpoint: ${origin}/api/v1/events/kubernetes`,
    },
  ]
}
